/** Supabase Auth's own refusals, where its words would not help. */
export function authMessage({ code, message }: { code?: string | undefined; message: string }): string {
  switch (code) {
    case 'invalid_credentials':
      return 'Address and password do not match an account.';
    case 'user_already_exists':
    case 'email_exists':
      return 'There is an account with this address already: sign in with its password.';
    case 'email_not_confirmed':
      return 'This address is not confirmed yet. Open the link in the mail that came when the account was made.';
    case 'same_password':
      return 'That is the password you have already. Choose another, or sign in with it.';
    default:
      return message;
  }
}

import { HandoffError } from '@supportbase/handoff';

import { messageOf } from '../ui/toasts';

/** Why somebody did not get in, and what they can do about it. */
export interface Refusal {
  title: string;
  text: string;
  /** `another_account`: sign in as somebody else; `inbox`: they may belong to the team already. */
  way: 'another_account' | 'inbox' | 'again' | 'none';
}

/** 64 hexadecimal digits: what the mail has. Anything else is a link that was cut or made up. */
const TOKEN = /^[0-9a-f]{64}$/iu;

export function isWholeToken(token: string | null): token is string {
  return token !== null && TOKEN.test(token);
}

export const brokenLink: Refusal = {
  title: 'This link is not whole',
  text: 'Open the invitation’s link as it is in the mail. If it is broken there, ask whoever invited you for a new one.',
  way: 'none',
};

export const otherTeam: Refusal = {
  title: 'You have joined',
  text: 'The invitation was to a team whose inbox is not at this address. Ask whoever invited you where it is.',
  way: 'inbox',
};

/** The refusals of `accept_invitation` (docs/errors.md) in words for somebody who knows nothing of it yet. */
export function refusalOf(error: unknown): Refusal {
  const code = error instanceof HandoffError ? error.code : '';
  switch (code) {
    case 'invitation_not_found':
      return {
        title: 'This invitation can no longer be used',
        text: 'It was accepted or withdrawn, or a newer one took its place. If you have joined before, open the inbox; otherwise ask for a new invitation.',
        way: 'inbox',
      };
    case 'invitation_expired':
      return {
        title: 'This invitation has expired',
        text: 'Invitations are good for seven days. Ask whoever invited you for a new one.',
        way: 'none',
      };
    case 'invited_by_another_address':
      return {
        title: 'This invitation is for another address',
        text: 'Sign in with the address that the invitation was sent to.',
        way: 'another_account',
      };
    case 'email_not_confirmed':
      return {
        title: 'Your address is not confirmed yet',
        text: 'Open the link in the mail that came when you made your account, then join.',
        way: 'again',
      };
    case 'already_a_member':
      return { title: 'You belong to this team already', text: 'There is nothing left to accept.', way: 'inbox' };
    default:
      return { title: 'That did not work', text: messageOf(error), way: 'again' };
  }
}

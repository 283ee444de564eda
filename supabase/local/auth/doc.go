// Package auth stands in for Supabase Auth: sign-up, anonymous users, passwords, sessions and the admin API, over the
// tables of the auth schema, in the shapes that unmodified supabase-js sends and reads.
//
// # States
//
// A user is anonymous, unconfirmed (invited, or made by an admin without email_confirm) or permanent. An anonymous user
// who sets an e-mail address becomes permanent under the same id; access tokens issued before keep is_anonymous until
// they are refreshed. Addresses are confirmed at once, as with autoconfirm on hosted Supabase.
//
// A session has one active refresh token. Refreshing revokes it and issues its child. A revoked token is accepted again
// while it is the parent of the active one (the client could not store the answer) or for a reuse interval of 10 s;
// after that, presenting it revokes every token of the session. Setting a password ends the user's other sessions.
//
// A recovery (POST /recover) replaces the one before and is good for an hour and one session: by the link of the mail, which
// leads to the page with the session in the fragment, by its hash, or by its code. The link leads only to pages of this
// machine; hosted Supabase has a list of addresses for that.
//
// # Access tokens
//
// They are signed with the ES256 key of the ring, which anybody may verify by the key set that the service publishes;
// Options.LegacySigning takes the shared secret instead. Both kinds are accepted, whichever is made.
//
// # Errors
//
// Clients that send x-supabase-api-version 2024-01-01 or later, as supabase-js does, get {"code","message"} and the
// version echoed; older ones get {"code","error_code","msg"}. A cause inside the stand-in is logged and answered with
// unexpected_failure, never shown.
//
// # What it is not
//
// It is for development and tests on one machine. Nothing is rate limited, sign-ups least of all. It sends no mail:
// the mail that resets a password is handed to Options.Mail. Other links by e-mail, one-time passwords, PKCE, OAuth, SSO,
// phone sign-in, captcha and MFA are refused with a code and a sentence that says so. An invited user accepts by signing up with the invited address, which on hosted Supabase takes the link.
// A permanent user's new address applies at once, where hosted Supabase waits for the link. There is no audit log.
package auth

// Where the stand-in under test is and how to get in. run.mjs sets the addresses for the test files; the keys are the
// constants of every stand-in and open nothing else.

import { createHmac } from 'node:crypto';

/** Set by run.mjs. A test file may also be run alone against `handoff dev`: set both by hand. */
export const url = process.env.HANDOFF_CONFORMANCE_URL ?? 'http://127.0.0.1:54321';
export const databaseUrl =
  process.env.HANDOFF_CONFORMANCE_DATABASE_URL ?? 'postgresql://postgres:postgres@127.0.0.1:54322/postgres';

export const publishableKey = 'sb_publishable_local_development_only';
export const secretKey = 'sb_secret_local_development_only';
const jwtSecret = 'local-development-only-jwt-secret-with-at-least-32-characters';

/** The expiry of the legacy keys: the year 2100. */
const FAR_FUTURE = 4_102_444_800;

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs claims with the legacy shared secret, as a team's own server does that mints tokens. */
export function mintToken(claims, secret = jwtSecret) {
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ exp: FAR_FUTURE, ...claims })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

/** Seconds from now as a JWT counts time. */
export const secondsFromNow = (seconds) => Math.floor(Date.now() / 1000) + seconds;

/** A token's claims, unverified. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

/** A token's header. */
export const headerOf = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString());

/** The legacy forms of the two keys: any token of that role by the shared secret would be refused as a key. */
export const legacyKey = (role) => mintToken({ exp: FAR_FUTURE, iat: 1_735_689_600, iss: 'handoff-local', role });

// SQL beside the API. `pg` is the one way to it from Node, and the suite needs it for tables, policies and messages
// that only the database can send.

import pg from 'pg';

import { databaseUrl } from './settings.mjs';

/** Runs one statement, or several without values, on a connection of its own. */
export async function query(role, text, values) {
  const address = new URL(databaseUrl);
  address.username = role; // every login role of a stand-in has the same password
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  try {
    return await client.query(text, values);
  } finally {
    await client.end();
  }
}

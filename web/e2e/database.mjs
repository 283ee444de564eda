// The database as its owner: for what no page can do, such as turning the clock.

import pg from 'pg';

/** Runs one statement. */
export async function sql(text, values = []) {
  const connectionString = process.env.HANDOFF_DATABASE_URL;
  if (!connectionString) throw new Error('HANDOFF_DATABASE_URL is not set: run `make e2e`');
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query(text, values);
    return rows;
  } finally {
    await client.end();
  }
}

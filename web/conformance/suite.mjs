// How claims become tests: a suite is a table of claims, run with each version of supabase-js and, where frames are
// concerned, with each serializer of Realtime.

import { describe, test } from 'node:test';

import { Stage } from './stage.mjs';

/** Aliases of package.json: the oldest release that must work, and the newest. Both unmodified. */
const VERSIONS = ['2.109', '2.119'];

/** The serializers that supabase-js speaks. It takes the second by itself. */
const SERIALIZERS = ['1.0.0', '2.0.0'];
const OWN_CHOICE = undefined;

const TEST_TIMEOUT_MS = 30_000;
/** Tests mostly wait: for the database, for timers of the client. */
const CONCURRENCY = 8;

/**
 * Registers a test for each claim, for each version.
 *
 * @param {string} subject
 * @param {Record<string, (stage: Stage) => Promise<void>>} claims by their text
 */
export function suite(subject, claims) {
  for (const version of VERSIONS) register(`supabase-js ${version}: ${subject}`, claims, version, OWN_CHOICE);
}

/** As suite, and for each serializer as well. */
export function socketSuite(subject, claims) {
  for (const version of VERSIONS) {
    for (const vsn of SERIALIZERS) {
      register(`supabase-js ${version}, serializer ${vsn}: ${subject}`, claims, version, vsn);
    }
  }
}

function register(title, claims, version, vsn) {
  describe(title, { concurrency: CONCURRENCY }, () => {
    for (const [claim, body] of Object.entries(claims)) {
      test(claim, { timeout: TEST_TIMEOUT_MS }, async (t) => {
        const stage = await Stage.open(version, vsn);
        t.after(() => stage.close());
        await body(stage);
      });
    }
  });
}

// Claims that are one request and its answer.

import assert from 'node:assert/strict';

import { must, refused } from './stage.mjs';

/** The request of a client with the publishable key gives this data. */
export const gives = (ask, expected) => async (stage) => assert.deepEqual(must(await ask(stage.client())), expected);

/** The request of a client with the publishable key gives this error. */
export const failsWith = (ask, expected) => async (stage) => refused(await ask(stage.client()), expected);

/** Rows that have a name and nothing else. */
export const named = (...names) => names.map((name) => ({ name }));

// Every refusal of docs/errors.md, of PostgREST and of the network becomes one error with a stable code.
import { describe, expect, test } from 'vitest';

import { asHandoffError, refusal } from '../src/core/call.js';

const answer = (code: string, details = '', hint = '') => ({ code, details, hint, message: 'Refused' });

describe('a failure', () => {
  test.each([
    [refusal(answer('PT409', 'conversation_closed', 'Start a new one.'), 409), 'conversation_closed', false],
    [refusal(answer('42501'), 403), 'forbidden', false],
    [refusal(answer('42501'), 401), 'unauthorized', false],
    [refusal(answer('PGRST301'), 401), 'unauthorized', false],
    [refusal(answer('23514'), 400), 'invalid', false],
    [refusal(answer('PGRST202'), 404), 'not_installed', false],
    [refusal(answer('53300'), 503), 'server', true],
    [refusal(answer('PT429', 'rate_limited', 'Try again in 12 seconds.'), 429), 'rate_limited', true],
    [asHandoffError(new TypeError('Failed to fetch')), 'network', true],
    [
      asHandoffError({ status: 422, code: 'anonymous_provider_disabled', message: 'Off' }),
      'anonymous_provider_disabled',
      false,
    ],
  ])('is %s', (error, code, retryable) => {
    expect({ code: error.code, retryable: error.retryable }).toEqual({ code, retryable });
  });

  test('of a rate limit says when to come back', () => {
    expect(refusal(answer('PT429', '', 'Try again in 12 seconds.'), 429).retryAfter).toBe(12);
  });
});

import { AuthApiError, AuthRetryableFetchError } from '@supabase/supabase-js';
import { describe, expect, it } from 'vitest';

import { recoveryOf, tellable } from '../src/password/recovery';

describe('the address that the mail of a password leads to', () => {
  it('tells how somebody came', () => {
    const session = '#access_token=x&expires_in=3600&refresh_token=y&token_type=bearer&type=recovery';
    const refused =
      '#error=access_denied&error_code=otp_expired&error_description=Email+link+is+invalid+or+has+expired';
    expect(recoveryOf({ search: '', hash: session })).toEqual({ way: 'session' });
    expect(recoveryOf({ search: '?token_hash=abc&type=recovery', hash: '' })).toEqual({ way: 'hash', hash: 'abc' });
    expect(recoveryOf({ search: '', hash: refused })).toEqual({ way: 'refused' });
    expect(recoveryOf({ search: refused.replace('#', '?'), hash: refused })).toEqual({ way: 'refused' });
  });

  it('is nothing of the kind without a token, or for another mail', () => {
    for (const [search, hash] of [
      ['', ''],
      ['?token_hash=&type=recovery', ''],
      ['?token_hash=abc&type=invite', ''],
      ['', '#access_token=x&type=signup'],
      ['', '#type=recovery'],
    ] as const) {
      expect(recoveryOf({ search, hash })).toBeNull();
    }
  });
});

describe('a mail that was not sent', () => {
  it('is told where that says nothing about the address', () => {
    expect(tellable(new AuthRetryableFetchError('Failed to fetch', 0))).toContain('online');
    expect(tellable(new AuthApiError('invalid format', 400, 'validation_failed'))).toBe('invalid format');
    expect(tellable(new AuthApiError('captcha protection', 400, 'captcha_failed'))).toBe('captcha protection');
  });

  it('looks as if it was sent where only an account could have met it', () => {
    expect(tellable(new AuthApiError('after 42 seconds', 429, 'over_email_send_rate_limit'))).toBeNull();
    expect(tellable(new AuthApiError('Error sending recovery email', 500, 'unexpected_failure'))).toBeNull();
    expect(tellable(new AuthApiError('Email address is invalid', 400, 'email_address_invalid'))).toBeNull();
    expect(tellable(new AuthRetryableFetchError('Gateway Timeout', 504))).toBeNull();
  });
});

import type { SupabaseClient } from '@supabase/supabase-js';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';

import { AuthForm, useAttempt } from '../app/AuthForm';
import { Frame } from '../app/Frame';
import { BASE, paths } from '../app/routes';
import { Button, TextField } from '../ui/controls';
import { Banner } from '../ui/feedback';
import { tellable } from './recovery';

/** Sends the link that resets a password. Who has an account is not to be learnt here. */
export function ForgotPage({ supabase }: { supabase: SupabaseClient }) {
  const [, navigate] = useLocation();
  const [sentTo, setSentTo] = useState<string | null>(null);
  if (sentTo !== null) {
    return (
      <Frame title="Look into your mail">
        <Banner tone="accent" live>
          If there is an account with {sentTo}, a link to choose a new password is on its way there. It is good for an
          hour, and once. Nothing came? Look among the junk, and ask again in a minute.
        </Banner>
        <Button onClick={() => navigate(paths.list('all'))}>Back to sign in</Button>
      </Frame>
    );
  }
  return (
    <Frame title="Forgot your password?" about="We send you a link to choose a new one.">
      <AddressForm supabase={supabase} onSent={setSentTo} />
      <Button onClick={() => navigate(paths.list('all'))}>Back to sign in</Button>
    </Frame>
  );
}

function AddressForm({ supabase, onSent }: { supabase: SupabaseClient; onSent: (email: string) => void }) {
  const [email, setEmail] = useState(useTypedEmail());
  const attempt = useAttempt();
  const send = async () => {
    const address = email.trim();
    const redirectTo = window.location.origin + BASE + paths.reset;
    const { error: refusal } = await supabase.auth.resetPasswordForEmail(address, { redirectTo });
    const text = refusal === null ? null : tellable(refusal);
    if (text === null) onSent(address);
    return text;
  };
  return (
    <AuthForm attempt={attempt} action="Send the link" task={send}>
      <TextField
        label="Email"
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
    </AuthForm>
  );
}

/** What was typed on the sign-in page before. */
function useTypedEmail(): string {
  const state = useHistoryState<{ email?: unknown } | null>();
  return typeof state?.email === 'string' ? state.email : '';
}

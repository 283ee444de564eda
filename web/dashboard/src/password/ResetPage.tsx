import type { AuthError, Session, SupabaseClient } from '@supabase/supabase-js';
import { useState } from 'react';
import { useLocation } from 'wouter';

import { AuthForm, useAttempt } from '../app/AuthForm';
import { authMessage } from '../app/authMessage';
import { Frame } from '../app/Frame';
import { paths } from '../app/routes';
import { Button, TextField } from '../ui/controls';
import { Banner } from '../ui/feedback';
import { useToasts } from '../ui/toasts';
import type { Recovery } from './recovery';

interface ResetPageProps {
  supabase: SupabaseClient;
  session: Session | null;
  recovery: Recovery | null;
  onDone: () => void;
}

/** Where the mail that resets a password leads: a new password, the inbox. */
export function ResetPage({ supabase, session, recovery, onDone }: ResetPageProps) {
  const [spent, setSpent] = useState(recovery?.way === 'refused');
  const { say } = useToasts();
  const [, navigate] = useLocation();
  const leave = (to: string) => {
    onDone();
    navigate(to, { replace: true });
  };
  const hash = recovery?.way === 'hash' ? recovery.hash : null;
  if (spent || (session === null && hash === null)) {
    return (
      <Frame title="This link can no longer be used">
        <Banner tone="amber" live>
          A link to choose a new password is good for an hour, and once; a newer one takes its place.
        </Banner>
        <Button kind="primary" onClick={() => leave(paths.forgot)}>
          Send a new link
        </Button>
        <Button onClick={() => leave(paths.list('all'))}>
          {session === null ? 'Back to sign in' : 'Open the inbox'}
        </Button>
      </Frame>
    );
  }
  return (
    <Frame
      title="Choose a new password"
      about={hash === null ? `For ${session?.user.email ?? 'your account'}` : undefined}
    >
      <PasswordForm
        supabase={supabase}
        hash={hash}
        onSpent={() => setSpent(true)}
        onChanged={() => {
          say('Your password is changed');
          leave(paths.list('all'));
        }}
      />
    </Frame>
  );
}

interface PasswordFormProps {
  supabase: SupabaseClient;
  /** What Auth is to check first. */
  hash: string | null;
  onSpent: () => void;
  onChanged: () => void;
}

/** Auth answers so when the link, or the session that it gave, is over. */
const OVER: readonly (string | undefined)[] = ['otp_expired', 'session_expired', 'session_not_found', 'bad_jwt'];

function PasswordForm({ supabase, hash, onSpent, onChanged }: PasswordFormProps) {
  const [password, setPassword] = useState('');
  const attempt = useAttempt();
  /** A program that looks into links opens them too: the hash is used when a person has chosen. */
  const [verified, setVerified] = useState(hash === null);
  const change = async (): Promise<AuthError | null> => {
    if (!verified && hash !== null) {
      const { error: refusal } = await supabase.auth.verifyOtp({ type: 'recovery', token_hash: hash });
      if (refusal !== null) return refusal;
      setVerified(true);
    }
    return (await supabase.auth.updateUser({ password })).error;
  };
  const submit = async () => {
    const refusal = await change();
    if (refusal === null) onChanged();
    else if (OVER.includes(refusal.code) || refusal.name === 'AuthSessionMissingError') onSpent();
    else return authMessage(refusal);
    return null;
  };
  return (
    <AuthForm attempt={attempt} action="Change the password" task={submit}>
      <TextField
        label="New password"
        hint="You are signed out everywhere else."
        type="password"
        autoComplete="new-password"
        minLength={6}
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </AuthForm>
  );
}

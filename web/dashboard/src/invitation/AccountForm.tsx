import type { AuthError, SupabaseClient } from '@supabase/supabase-js';
import { useState, type SubmitEvent } from 'react';

import { authMessage } from '../app/authMessage';
import { Button, TextField } from '../ui/controls';
import { Banner } from '../ui/feedback';
import styles from './invitation.module.css';

type Mode = 'new' | 'known';

interface AccountFormProps {
  supabase: SupabaseClient;
  /** Where the mail that confirms an address leads back to. */
  returnUrl: string;
  /** The account was made and its address is to be confirmed by mail. */
  onConfirm: (email: string) => void;
  /** Runs before the session is there. */
  onSignIn: () => void;
}

/** Makes an account or signs in to one: whoever is invited may have either. */
export function AccountForm({ supabase, returnUrl, onConfirm, onSignIn }: AccountFormProps) {
  const [mode, setMode] = useState<Mode>('new');
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const refused = (refusal: AuthError) => {
    setError(authMessage(refusal));
    if (refusal.code === 'user_already_exists' || refusal.code === 'email_exists') setMode('known');
  };
  const signUp = async () => {
    const options = { data: name.trim() === '' ? {} : { name: name.trim() }, emailRedirectTo: returnUrl };
    const { data, error: refusal } = await supabase.auth.signUp({ email: email.trim(), password, options });
    if (refusal !== null) refused(refusal);
    else if (data.session === null) onConfirm(email.trim());
  };
  const signIn = async () => {
    const { error: refusal } = await supabase.auth.signInWithPassword({ email: email.trim(), password });
    if (refusal !== null) refused(refusal);
  };
  const submit = async () => {
    setBusy(true);
    setError(null);
    onSignIn();
    await (mode === 'new' ? signUp() : signIn());
    setBusy(false);
  };
  const choose = (next: Mode) => {
    setMode(next);
    setError(null);
  };
  return (
    <form
      className={styles.form}
      onSubmit={(event: SubmitEvent<HTMLFormElement>) => {
        event.preventDefault();
        void submit();
      }}
    >
      <ModeChoice mode={mode} onChange={choose} />
      {error !== null && (
        <Banner tone="red" live>
          {error}
        </Banner>
      )}
      {mode === 'new' && (
        <TextField
          label="Your name"
          hint="As customers will see it."
          autoComplete="name"
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      )}
      <TextField
        label="Email"
        hint="The address that the invitation was sent to."
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
      <TextField
        label="Password"
        type="password"
        autoComplete={mode === 'new' ? 'new-password' : 'current-password'}
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <Button kind="primary" type="submit" disabled={busy}>
        {busy ? 'One moment …' : mode === 'new' ? 'Create account and join' : 'Sign in and join'}
      </Button>
    </form>
  );
}

function ModeChoice({ mode, onChange }: { mode: Mode; onChange: (mode: Mode) => void }) {
  const modes: [Mode, string][] = [
    ['new', 'I am new here'],
    ['known', 'I have an account'],
  ];
  return (
    <fieldset className={styles.modes}>
      <legend className="visually-hidden">Account</legend>
      {modes.map(([id, title]) => (
        <label key={id} data-checked={mode === id}>
          <input
            type="radio"
            name="account"
            className="visually-hidden"
            checked={mode === id}
            onChange={() => onChange(id)}
          />
          {title}
        </label>
      ))}
    </fieldset>
  );
}

import type { AuthError, SupabaseClient } from '@supabase/supabase-js';
import { useState } from 'react';

import { AuthForm, useAttempt } from '../app/AuthForm';
import { authMessage } from '../app/authMessage';
import { TextField } from '../ui/controls';
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
  const attempt = useAttempt();
  const refused = (refusal: AuthError) => {
    if (refusal.code === 'user_already_exists' || refusal.code === 'email_exists') setMode('known');
    return authMessage(refusal);
  };
  const signUp = async () => {
    const options = { data: name.trim() === '' ? {} : { name: name.trim() }, emailRedirectTo: returnUrl };
    const { data, error: refusal } = await supabase.auth.signUp({ email: email.trim(), password, options });
    if (refusal !== null) return refused(refusal);
    if (data.session === null) onConfirm(email.trim());
    return null;
  };
  const signIn = async () => {
    const { error: refusal } = await supabase.auth.signInWithPassword({ email: email.trim(), password });
    return refusal === null ? null : refused(refusal);
  };
  const submit = () => {
    onSignIn();
    return mode === 'new' ? signUp() : signIn();
  };
  const choose = (next: Mode) => {
    setMode(next);
    attempt.forget();
  };
  return (
    <AuthForm attempt={attempt} action={mode === 'new' ? 'Create account and join' : 'Sign in and join'} task={submit}>
      <ModeChoice mode={mode} onChange={choose} />
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
    </AuthForm>
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

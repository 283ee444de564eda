import type { SupabaseClient } from '@supabase/supabase-js';
import { useState } from 'react';
import { Link } from 'wouter';

import { Avatar } from '../ui/avatar';
import { Button, TextField } from '../ui/controls';
import { Banner } from '../ui/feedback';
import styles from './app.module.css';
import type { DemoAccount } from './config';
import { Logo } from './Logo';
import { paths } from './routes';

export function SignIn({ supabase, accounts }: { supabase: SupabaseClient; accounts: readonly DemoAccount[] }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const signIn = async (as: { email: string; password: string }) => {
    setBusy(true);
    setError(null);
    const { error: refusal } = await supabase.auth.signInWithPassword({ email: as.email, password: as.password });
    setBusy(false);
    if (refusal !== null) setError(refusal.message);
  };
  return (
    <main className={styles.center}>
      <form
        className={styles.signIn}
        onSubmit={(event) => {
          event.preventDefault();
          void signIn({ email, password });
        }}
      >
        <div className={styles.signInHead}>
          <Logo size={40} />
          <h1>Sign in to your inbox</h1>
          <p>Answer the people whom your AI hands over.</p>
        </div>
        {error !== null && (
          <Banner tone="red" live>
            {error}
          </Banner>
        )}
        <TextField
          label="Email"
          type="email"
          autoComplete="username"
          required
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <TextField
          label="Password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Link href={paths.forgot} state={{ email }} className={styles.forgot}>
          Forgot password?
        </Link>
        <Button kind="primary" type="submit" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </Button>
        {accounts.length > 0 && (
          <DemoAccounts accounts={accounts} disabled={busy} onChoose={(account) => void signIn(account)} />
        )}
      </form>
    </main>
  );
}

interface DemoAccountsProps {
  accounts: readonly DemoAccount[];
  disabled: boolean;
  onChoose: (account: DemoAccount) => void;
}

function DemoAccounts({ accounts, disabled, onChoose }: DemoAccountsProps) {
  return (
    <div className={styles.accounts}>
      <div className={styles.accountsTitle}>Demo project: sign in as</div>
      {accounts.map((account) => (
        <button
          key={account.email}
          type="button"
          className={styles.account}
          disabled={disabled}
          onClick={() => onChoose(account)}
        >
          <Avatar name={account.name} seed={account.email} size={30} />
          <span>
            <strong>{account.name}</strong>
            <span className={styles.accountRole}>{account.role}</span>
          </span>
        </button>
      ))}
    </div>
  );
}

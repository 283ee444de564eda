import type { SupabaseClient } from '@supabase/supabase-js';
import { useState } from 'react';
import { Link } from 'wouter';

import { Avatar } from '../ui/avatar';
import { TextField } from '../ui/controls';
import styles from './app.module.css';
import { AuthForm, useAttempt } from './AuthForm';
import { authMessage } from './authMessage';
import type { DemoAccount } from './config';
import { Frame } from './Frame';
import { paths } from './routes';

export function SignIn({ supabase, accounts }: { supabase: SupabaseClient; accounts: readonly DemoAccount[] }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const attempt = useAttempt();
  const signIn = async (as: { email: string; password: string }) => {
    const { error } = await supabase.auth.signInWithPassword({ email: as.email, password: as.password });
    return error === null ? null : authMessage(error);
  };
  return (
    <Frame title="Sign in to your inbox" about="Answer the people whom your AI hands over.">
      <AuthForm attempt={attempt} action="Sign in" task={() => signIn({ email, password })}>
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
      </AuthForm>
      {accounts.length > 0 && (
        <DemoAccounts
          accounts={accounts}
          disabled={attempt.busy}
          onChoose={(account) => void attempt.run(() => signIn(account))}
        />
      )}
    </Frame>
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

import { useState, type ReactNode, type SubmitEvent } from 'react';

import { Button } from '../ui/controls';
import { Banner } from '../ui/feedback';
import styles from './app.module.css';

/** What Auth was asked for: still under way, refused with a text for the person, or neither. */
export interface Attempt {
  busy: boolean;
  refusal: string | null;
  /** Runs what gives the text of a refusal, or null. */
  run: (task: () => Promise<string | null>) => Promise<void>;
  forget: () => void;
}

export function useAttempt(): Attempt {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const run = async (task: () => Promise<string | null>) => {
    setBusy(true);
    setRefusal(null);
    setRefusal(await task());
    setBusy(false);
  };
  return { busy, refusal, run, forget: () => setRefusal(null) };
}

interface AuthFormProps {
  attempt: Attempt;
  /** What the button says. */
  action: string;
  task: () => Promise<string | null>;
  children: ReactNode;
}

/** Fields for somebody who is not in the inbox yet, with what went wrong above them and one button below. */
export function AuthForm({ attempt, action, task, children }: AuthFormProps) {
  return (
    <form
      className={styles.authForm}
      onSubmit={(event: SubmitEvent<HTMLFormElement>) => {
        event.preventDefault();
        void attempt.run(task);
      }}
    >
      {attempt.refusal !== null && (
        <Banner tone="red" live>
          {attempt.refusal}
        </Banner>
      )}
      {children}
      <Button kind="primary" type="submit" disabled={attempt.busy}>
        {attempt.busy ? 'One moment …' : action}
      </Button>
    </form>
  );
}

import { HandoffError } from '@supportbase/handoff';
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';

import { classes } from './controls';
import styles from './feedback.module.css';

interface Toast {
  id: number;
  text: string;
  error: boolean;
  action?: { label: string; run: () => void };
}

interface Toasts {
  say: (text: string, action?: Toast['action']) => void;
  /** Says why something failed. */
  fail: (error: unknown) => void;
  /** Runs it and says why it failed, or what was done. */
  attempt: (work: () => Promise<unknown>, done?: string) => Promise<boolean>;
}

const Context = createContext<Toasts | null>(null);
const VISIBLE_MS = 6_000;
const MOST = 4;
let lastId = 0;

export function useToasts(): Toasts {
  const toasts = useContext(Context);
  if (toasts === null) throw new Error('useToasts outside of ToastProvider');
  return toasts;
}

export function messageOf(error: unknown): string {
  if (!(error instanceof HandoffError)) return error instanceof Error ? error.message : String(error);
  if (error.code === 'network') return 'No connection. Nothing was changed.';
  return [error.message, error.hint]
    .filter(Boolean)
    .join('. ')
    .replace(/\.\.\s/u, '. ');
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<readonly Toast[]>([]);
  const remove = useCallback((id: number) => setShown((all) => all.filter((toast) => toast.id !== id)), []);
  const add = useCallback(
    (toast: Omit<Toast, 'id'>) => {
      const id = ++lastId;
      setShown((all) => [...all.slice(1 - MOST), { ...toast, id }]);
      setTimeout(() => remove(id), VISIBLE_MS);
    },
    [remove],
  );
  const toasts = useMemo(() => createToasts(add), [add]);
  return (
    <Context value={toasts}>
      {children}
      <div className={styles.toasts} role="status" aria-live="polite">
        {shown.map((toast) => (
          <ToastLine key={toast.id} toast={toast} onDone={() => remove(toast.id)} />
        ))}
      </div>
    </Context>
  );
}

function createToasts(add: (toast: Omit<Toast, 'id'>) => void): Toasts {
  const fail = (error: unknown) => add({ text: messageOf(error), error: true });
  const say: Toasts['say'] = (text, action) =>
    add(action === undefined ? { text, error: false } : { text, error: false, action });
  const attempt = async (work: () => Promise<unknown>, done?: string) => {
    try {
      await work();
      if (done !== undefined) say(done);
      return true;
    } catch (error) {
      fail(error);
      return false;
    }
  };
  return { say, fail, attempt };
}

function ToastLine({ toast, onDone }: { toast: Toast; onDone: () => void }) {
  const { action } = toast;
  return (
    <div className={classes(styles.toast, toast.error && styles.toastError)}>
      <span>{toast.text}</span>
      {action !== undefined && (
        <button
          type="button"
          className={styles.toastAction}
          onClick={() => {
            onDone();
            action.run();
          }}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}

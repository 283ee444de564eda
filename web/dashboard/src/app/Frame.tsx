import { useEffect, type ReactNode } from 'react';

import styles from './app.module.css';
import { Logo } from './Logo';

/** A page for somebody who is not in the inbox yet: one thing to do, in the middle. */
export function Frame({ title, about, children }: { title: string; about?: string | undefined; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · SupportBase`;
  }, [title]);
  return (
    <main className={styles.center}>
      <div className={styles.signIn}>
        <div className={styles.signInHead}>
          <Logo size={40} />
          <h1>{title}</h1>
          {about !== undefined && <p>{about}</p>}
        </div>
        {children}
      </div>
    </main>
  );
}

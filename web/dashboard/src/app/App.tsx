import { createClient, type Session, type SupabaseClient } from '@supabase/supabase-js';
import { useEffect, useState } from 'react';
import { Route, Router, Switch } from 'wouter';

import { AcceptPage } from '../invitation/AcceptPage';
import { ForgotPage } from '../password/ForgotPage';
import { recoveryOf, type Recovery } from '../password/recovery';
import { ResetPage } from '../password/ResetPage';
import { Banner } from '../ui/feedback';
import { messageOf, ToastProvider } from '../ui/toasts';
import styles from './app.module.css';
import { loadConfig, type Config } from './config';
import { BASE, paths } from './routes';
import { SignIn } from './SignIn';
import { Workspace } from './Workspace';

interface Loaded {
  config: Config;
  supabase: SupabaseClient;
  recovery: Recovery | null;
}

/** Configuration, then the session: the sign-in page or the workspace. */
export function App() {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    loadConfig().then((config) => {
      // Before the client is made: it takes the session out of the address.
      const recovery = recoveryOf(window.location);
      setLoaded({ config, recovery, supabase: connect(config) });
    }, setError);
  }, []);
  if (error !== null) return <Fault text={messageOf(error)} />;
  if (loaded === null) return null;
  return (
    <ToastProvider>
      <Router base={BASE}>
        <Signed {...loaded} />
      </Router>
    </ToastProvider>
  );
}

function connect(config: Config): SupabaseClient {
  // A storage of its own: the widget on the same origin signs visitors in.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-return -- without a schema's types both are the same client
  return createClient(config.url, config.key, { auth: { storageKey: 'handoff-dashboard' } });
}

function Signed({ config, supabase, recovery }: Loaded) {
  const session = useSession(supabase);
  // Whoever comes from the mail chooses a password first, also where the link led elsewhere: to the site's own address, say.
  const [recovering, setRecovering] = useState(recovery?.way === 'session');
  if (session === undefined) return null;
  const reset = (
    <ResetPage supabase={supabase} session={session} recovery={recovery} onDone={() => setRecovering(false)} />
  );
  if (recovering) return reset;
  return (
    <Switch>
      <Route path={paths.accept}>
        <AcceptPage supabase={supabase} projectId={config.project_id} session={session} />
      </Route>
      <Route path={paths.forgot}>
        <ForgotPage supabase={supabase} />
      </Route>
      <Route path={paths.reset}>{reset}</Route>
      <Route>
        <Desk config={config} supabase={supabase} session={session} />
      </Route>
    </Switch>
  );
}

interface DeskProps {
  config: Config;
  supabase: SupabaseClient;
  session: Session | null;
}

function Desk({ config, supabase, session }: DeskProps) {
  if (session === null) return <SignIn supabase={supabase} accounts={config.sign_ins ?? []} />;
  const { id, email = '' } = session.user;
  return <Workspace key={id} supabase={supabase} projectId={config.project_id} email={email} />;
}

/** Undefined until it is known whether somebody is signed in. */
function useSession(supabase: SupabaseClient): Session | null | undefined {
  const [session, setSession] = useState<Session | null>();
  useEffect(() => {
    const { data } = supabase.auth.onAuthStateChange((_event, next) => setSession(next));
    return () => data.subscription.unsubscribe();
  }, [supabase]);
  return session;
}

function Fault({ text }: { text: string }) {
  return (
    <main className={styles.center}>
      <Banner tone="red" title="The dashboard cannot start">
        {text}
      </Banner>
    </main>
  );
}

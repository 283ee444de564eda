// What the demo plays against: by default the project that `handoff dev` seeds.
//
// The keys and passwords below open nothing but a development database on this machine's loopback address; they are
// the same on every machine and no secret.

const LOCAL_URL = 'http://127.0.0.1:54321';

/** In the metadata of the demo's conversations, so that a run can clean up after one that was cut off. */
export const DEMO_MARK = { demo: 'true' };

/** How long a step waits for an event. With a pause command the server may be restarting meanwhile. */
const EVENT_DEADLINE_MS = 10_000;
const EVENT_DEADLINE_WITH_PAUSE_MS = 30_000;

/**
 * Reads the settings from the environment.
 *
 * @param {Record<string, string | undefined>} env HANDOFF_URL, HANDOFF_PUBLISHABLE_KEY, HANDOFF_SECRET_KEY override
 *   the defaults; HANDOFF_DEMO_PAUSE is a command that runs between any two steps.
 */
export function readSettings(env) {
  const pauseCommand = env.HANDOFF_DEMO_PAUSE ?? '';
  return {
    url: env.HANDOFF_URL ?? LOCAL_URL,
    publishableKey: env.HANDOFF_PUBLISHABLE_KEY ?? 'sb_publishable_local_development_only',
    secretKey: env.HANDOFF_SECRET_KEY ?? 'sb_secret_local_development_only',
    /** True when the caller named a server: then the demo never starts one. */
    urlGiven: env.HANDOFF_URL !== undefined,
    projectId: '00000000-0000-4000-8000-000000000001',
    agent: { email: 'sarah@example.com', password: 'handoff-demo' },
    pauseCommand,
    deadlineMs: pauseCommand ? EVENT_DEADLINE_WITH_PAUSE_MS : EVENT_DEADLINE_MS,
  };
}

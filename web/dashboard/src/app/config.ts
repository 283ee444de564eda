import { HandoffError } from '@supportbase/handoff';

/** An account of a demo project, offered on the sign-in page. */
export interface DemoAccount {
  email: string;
  password: string;
  name: string;
  role: string;
}

/** Where the project is: /config.json of the server that serves the page. All of it is public. */
export interface Config {
  url: string;
  key: string;
  project_id: string;
  sign_ins?: DemoAccount[];
}

/** Rejects with a HandoffError when the page is served without its configuration. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('/config.json', { cache: 'no-store' });
  if (!response.ok) {
    throw new HandoffError('The server gives no /config.json', { code: 'unknown', status: response.status });
  }
  return (await response.json()) as Config;
}

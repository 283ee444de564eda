import { onAccent } from './colour.js';
import type { Options } from './options.js';

const DARK = '(prefers-color-scheme: dark)';

/** Which scheme an option means now. */
export function schemeOf(theme: Options['theme']): 'light' | 'dark' {
  if (theme !== 'auto') return theme;
  return window.matchMedia(DARK).matches ? 'dark' : 'light';
}

/**
 * Writes scheme, side and accent on the host. The page's own `--sb-*` variables win over the built-in ones and lose against an
 * accent of the script tag, whose readable text colour is computed.
 */
export function applyTheme(host: HTMLElement, options: Pick<Options, 'theme' | 'accent' | 'position'>): void {
  host.dataset.scheme = schemeOf(options.theme);
  host.dataset.position = options.position;
  if (options.accent === '') return;
  host.style.setProperty('--sb-accent', options.accent);
  host.style.setProperty('--sb-on-accent', onAccent(options.accent));
}

/** Calls `changed` when the system's scheme changes, until the returned function is called. */
export function watchScheme(changed: () => void): () => void {
  const query = window.matchMedia(DARK);
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

/** What the page and the browser tell: visibility, network, coming back. Everything here is silent outside a browser. */

export type PageSignal =
  'visible' | 'hidden' | 'focus' | 'online' | 'offline' | 'resume' | 'pageshow' | 'pagehide' | 'freeze';

export function isHidden(): boolean {
  return typeof document !== 'undefined' && document.visibilityState === 'hidden';
}

/** False only when the browser is sure that there is no network. */
export function isOnline(): boolean {
  return typeof navigator === 'undefined' || !('onLine' in navigator) || navigator.onLine;
}

/**
 * Calls `listener` with each signal until the returned function is called. `pageshow` comes only for pages that return from
 * the back/forward cache; `resume` for pages that were frozen.
 */
export function onPageSignal(listener: (signal: PageSignal, event: Event) => void): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => undefined;
  const ending = new AbortController();
  const on = (target: EventTarget, name: string, signal: (event: Event) => PageSignal | null) =>
    target.addEventListener(
      name,
      (event) => {
        const told = signal(event);
        if (told !== null) listener(told, event);
      },
      { signal: ending.signal, capture: true },
    );
  on(document, 'visibilitychange', () => (isHidden() ? 'hidden' : 'visible'));
  on(document, 'freeze', () => 'freeze');
  on(document, 'resume', () => 'resume');
  on(window, 'focus', (event) => (event.target === window ? 'focus' : null));
  on(window, 'online', () => 'online');
  on(window, 'offline', () => 'offline');
  on(window, 'pagehide', () => 'pagehide');
  on(window, 'pageshow', (event) => ((event as PageTransitionEvent).persisted ? 'pageshow' : null));
  return () => ending.abort();
}

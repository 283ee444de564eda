import type { Options } from '../options.js';
import type { ChatModel } from './model.js';

/** Tells the team the pages of an application that changes them without loading, and marks messages read on return. */
export function watchPage(model: ChatModel, track: Options['track']): () => void {
  let address = location.href;
  const moved = (): void => {
    if (location.href === address) return;
    address = location.href;
    if (track !== 'off') void model.trackPage();
  };
  const shown = (): void => {
    if (document.visibilityState === 'visible' && model.getSnapshot().open) model.markSeen();
  };
  const navigation = (window as { navigation?: EventTarget }).navigation;
  window.addEventListener('popstate', moved);
  window.addEventListener('hashchange', moved);
  navigation?.addEventListener('navigatesuccess', moved);
  document.addEventListener('visibilitychange', shown);
  return () => {
    window.removeEventListener('popstate', moved);
    window.removeEventListener('hashchange', moved);
    navigation?.removeEventListener('navigatesuccess', moved);
    document.removeEventListener('visibilitychange', shown);
  };
}

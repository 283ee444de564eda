/** The round button in the corner: plain DOM, because it is there before anything else is loaded. */
import { textsOf, fill } from './i18n/launcher.js';
import type { LauncherTexts } from './i18n/launcher.js';

const ICONS = `<svg class="sb-launcher-chat" viewBox="0 0 28 28" aria-hidden="true"><path d="M14 3.2c6.3 0 11.3 4.2 11.3 9.6 0 5.4-5 9.6-11.3 9.6-1 0-2-.1-3-.3-.5-.1-1 0-1.4.2l-3.5 2c-.9.5-1.9-.3-1.6-1.3l.7-2.6c.1-.5 0-1-.3-1.4-1.4-1.7-2.2-3.9-2.2-6.2C2.7 7.400 7.700 3.200 14 3.200Z" fill="currentColor"/><path d="M9.300 14.600c1.200 1.700 2.900 2.600 4.700 2.600s3.500-.9 4.700-2.600" fill="none" stroke="var(--sb-launcher-cut)" stroke-width="2" stroke-linecap="round"/></svg><svg class="sb-launcher-close" viewBox="0 0 28 28" aria-hidden="true"><path d="m7.500 11 6.500 6.500L20.500 11" fill="none" stroke="currentColor" stroke-width="2.600" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

const MOST_SHOWN = 9;

export class Launcher {
  readonly element: HTMLDivElement;
  readonly #button: HTMLButtonElement;
  readonly #badge: HTMLSpanElement;
  #texts: LauncherTexts;
  #open = false;
  #unread = 0;

  /** @param onToggle the visitor pressed it; @param onNear the visitor is about to: the pointer or the focus is on it. */
  constructor(locale: string, onToggle: () => void, onNear: () => void) {
    this.#texts = textsOf(locale);
    this.element = document.createElement('div');
    this.element.className = 'sb-launcher';
    this.#button = document.createElement('button');
    this.#button.type = 'button';
    this.#button.innerHTML = ICONS;
    this.#badge = document.createElement('span');
    this.#badge.className = 'sb-badge';
    this.#badge.setAttribute('aria-hidden', 'true');
    this.#button.append(this.#badge);
    this.element.append(this.#button);
    this.#button.addEventListener('click', onToggle);
    for (const name of ['pointerenter', 'focus']) this.#button.addEventListener(name, onNear, { once: true });
    this.#show();
  }

  setOpen(open: boolean): void {
    this.#open = open;
    this.#show();
  }

  setUnread(count: number): void {
    this.#unread = count;
    this.#show();
  }

  setBusy(busy: boolean): void {
    this.#button.setAttribute('aria-busy', String(busy));
  }

  setTexts(texts: Partial<LauncherTexts>): void {
    this.#texts = { ...this.#texts, ...texts };
    this.#show();
  }

  focus(): void {
    this.#button.focus({ preventScroll: true });
  }

  #show(): void {
    const { openChat, openChatUnread, closeChat } = this.#texts;
    const closed = this.#unread > 0 ? fill(openChatUnread, this.#unread) : openChat;
    this.#button.setAttribute('aria-label', this.#open ? closeChat : closed);
    this.#button.setAttribute('aria-expanded', String(this.#open));
    this.element.classList.toggle('sb-is-open', this.#open);
    this.#badge.textContent = this.#unread > MOST_SHOWN ? `${MOST_SHOWN}+` : String(this.#unread);
    this.#badge.hidden = this.#unread === 0 || this.#open;
  }
}

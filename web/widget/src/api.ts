/** `window.SupportBase`: what a page can do with the widget. */
import type { Identity } from './app/contract.js';
import type { EventName, Listener } from './emitter.js';
import type { Texts } from './i18n/en.js';
import type { ThemeOption } from './options.js';

export interface SupportBaseApi {
  readonly version: string;
  readonly isOpen: boolean;
  open(): void;
  close(): void;
  toggle(): void;
  /** Shows or hides the button in the corner. */
  setLauncher(shown: boolean): void;
  setTheme(theme: ThemeOption): void;
  /** Replaces texts of the widget, those that are given. */
  setTexts(texts: Partial<Texts>): void;
  /** Calls `listener` on each event until the returned function is called. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void;
  /** Opens the chat and sends a message as the visitor. */
  send(content: string): Promise<void>;
  /** Says who the visitor is. It proves nothing: see docs/widget.md. */
  identify(identity: Identity): Promise<void>;
  /** Tells the team the page, after a route change that the widget cannot see. */
  trackPage(): Promise<void>;
  /** Takes the widget off the page. */
  destroy(): Promise<void>;
  /** Calls at once: what a page queued in an array before the script came is called when it comes. */
  push(...calls: ((api: SupportBaseApi) => void)[]): void;
}

declare global {
  interface Window {
    SupportBase?: SupportBaseApi | ((api: SupportBaseApi) => void)[];
  }
}

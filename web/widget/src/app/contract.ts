/** What the loader and the part it loads know of each other. */
import type { Emitter } from '../emitter.js';
import type { Host } from '../host.js';
import type { Texts } from '../i18n/en.js';
import type { Launcher } from '../launcher.js';
import type { Options } from '../options.js';
import type { SafeStorage } from '../storage.js';

export interface AppContext {
  options: Options;
  host: Host;
  launcher: Launcher;
  emitter: Emitter;
  storage: SafeStorage;
  /** Texts of the page's own, over those of the language. */
  ownTexts: Partial<Texts>;
  /** The visitor wants the panel closed. */
  onClose: () => void;
  /** The visitor pressed the preview of a message. */
  onOpen: () => void;
}

export interface Identity {
  email: string;
  name?: string;
}

/** The chat, once it is loaded. */
export interface App {
  setOpen(open: boolean): void;
  setTexts(own: Partial<Texts>): void;
  identify(identity: Identity): Promise<void>;
  send(content: string): Promise<void>;
  trackPage(): Promise<void>;
  destroy(): Promise<void>;
}

export type StartApp = (context: AppContext) => App;

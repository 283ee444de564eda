/** The widget without its chat: opens, closes, and loads the chat when it is needed. */
import type { SupportBaseApi } from './api.js';
import type { App, StartApp } from './app/contract.js';
import { Emitter } from './emitter.js';
import { createHost } from './host.js';
import type { Host } from './host.js';
import type { Texts } from './i18n/en.js';
import { Launcher } from './launcher.js';
import type { Options } from './options.js';
import { applyTheme, watchScheme } from './theme.js';
import { authKey, openKey, safeStorage } from './storage.js';
import type { SafeStorage } from './storage.js';
import launcherCss from './styles/launcher.css?inline';

export const VERSION = '0.1.0';

/** Below this width the panel covers the page, which must then not be covered by itself after a page change. */
const SMALL_SCREEN = '(max-width: 480px)';

export class Widget {
  readonly #options: Options;
  readonly #loadApp: () => Promise<StartApp>;
  readonly #emitter = new Emitter();
  readonly #host: Host;
  readonly #launcher: Launcher;
  readonly #storage: SafeStorage = safeStorage();
  readonly #session: SafeStorage = safeStorage(() => window.sessionStorage);
  readonly #unwatch: () => void;
  #ownTexts: Partial<Texts> = {};
  #app: Promise<App> | null = null;
  #open = false;

  constructor(options: Options, loadApp: () => Promise<StartApp>) {
    this.#options = options;
    this.#loadApp = loadApp;
    this.#host = createHost();
    this.#host.addStyle(launcherCss);
    this.#launcher = new Launcher(
      options.locale,
      () => (this.#open ? this.close() : this.open()),
      () => void this.#loaded().catch(() => undefined), // told when it is opened
    );
    applyTheme(this.#host.element, options);
    this.#unwatch = watchScheme(() => applyTheme(this.#host.element, this.#options));
    if (options.launcher) this.#host.root.append(this.#launcher.element);
    this.#begin();
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#session.setItem(openKey(this.#options.project), '1');
    this.#launcher.setOpen(true);
    this.#emitter.emit('open', {});
    void this.#showApp();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#session.removeItem(openKey(this.#options.project));
    this.#launcher.setOpen(false);
    this.#launcher.focus();
    this.#emitter.emit('close', {});
    void this.#app?.then((app) => app.setOpen(false)).catch(() => undefined); // it never came: nothing to close
  }

  api(): SupportBaseApi {
    const isOpen = (): boolean => this.#open;
    const api: SupportBaseApi = {
      version: VERSION,
      get isOpen() {
        return isOpen();
      },
      open: () => this.open(),
      close: () => this.close(),
      toggle: () => (this.#open ? this.close() : this.open()),
      setLauncher: (shown) => this.#setLauncher(shown),
      setTheme: (theme) => this.#setTheme(theme),
      setTexts: (texts) => this.#setTexts(texts),
      on: (name, listener) => this.#emitter.on(name, listener),
      send: async (content) => {
        this.open();
        await (await this.#loaded()).send(content);
      },
      identify: async (identity) => (await this.#loaded()).identify(identity),
      trackPage: async () => (await this.#loaded()).trackPage(),
      destroy: () => this.#destroy(),
      push: (...calls) => calls.forEach((call) => call(api)),
    };
    return api;
  }

  /** Says that the widget is there. */
  ready(): void {
    this.#emitter.emit('ready', {});
  }

  /** Opens by itself where it was open before; loads quietly where a chat may go on. */
  #begin(): void {
    const { project, open, track } = this.#options;
    const wasOpen = this.#session.getItem(openKey(project)) === '1' && !window.matchMedia(SMALL_SCREEN).matches;
    if (open || wasOpen) this.open();
    else if (this.#storage.getItem(authKey(project)) !== null || track === 'always')
      whenIdle(() => void this.#loaded());
  }

  async #showApp(): Promise<void> {
    this.#launcher.setBusy(true);
    try {
      const app = await this.#loaded();
      if (this.#open) app.setOpen(true);
    } catch (error) {
      this.#app = null; // the next press tries again
      this.close();
      this.#emitter.emit('error', { message: String(error) });
      console.error('SupportBase: the chat could not be loaded', error);
    } finally {
      this.#launcher.setBusy(false);
    }
  }

  #loaded(): Promise<App> {
    this.#app ??= this.#loadApp().then((start) =>
      start({
        options: this.#options,
        host: this.#host,
        launcher: this.#launcher,
        emitter: this.#emitter,
        storage: this.#storage,
        ownTexts: this.#ownTexts,
        onClose: () => this.close(),
        onOpen: () => this.open(),
      }),
    );
    return this.#app;
  }

  #setLauncher(shown: boolean): void {
    if (shown) this.#host.root.append(this.#launcher.element);
    else this.#launcher.element.remove();
  }

  #setTheme(theme: Options['theme']): void {
    this.#options.theme = theme;
    applyTheme(this.#host.element, this.#options);
  }

  #setTexts(texts: Partial<Texts>): void {
    this.#ownTexts = { ...this.#ownTexts, ...texts };
    this.#launcher.setTexts(texts);
    void this.#app?.then((app) => app.setTexts(this.#ownTexts));
  }

  async #destroy(): Promise<void> {
    await this.#app?.then((app) => app.destroy()).catch(() => undefined); // it never came: nothing to end
    this.#unwatch();
    this.#host.remove();
    delete window.SupportBase;
  }
}

function whenIdle(task: () => void): void {
  if (typeof window.requestIdleCallback === 'function') window.requestIdleCallback(task, { timeout: 2_000 });
  else window.setTimeout(task, 300);
}

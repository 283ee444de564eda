/** widget.js: a classic script, so that one tag is all a page needs. Everything heavy is loaded when the chat is. */
import type { SupportBaseApi } from './api.js';
import type { StartApp } from './app/contract.js';
import { chooseLocale } from './i18n/locale.js';
import { readOptions } from './options.js';
import { Widget } from './widget.js';

/** The name of the first part, set by the build. */
declare const __APP_FILE__: string;

/** The script's own tag. A loader that adds scripts by itself may run this one when there is no current script any more. */
function ownScript(): HTMLScriptElement | null {
  if (document.currentScript instanceof HTMLScriptElement) return document.currentScript;
  return document.querySelector<HTMLScriptElement>('script[data-project][src*="widget.js"]');
}

function boot(script: HTMLScriptElement): void {
  const queued = window.SupportBase;
  if (queued && !Array.isArray(queued)) {
    console.warn('SupportBase: the widget is on this page already');
    return;
  }
  const options = readOptions(script.dataset);
  options.locale = chooseLocale([options.locale, ...navigator.languages]);
  const address = new URL(__APP_FILE__, script.src).href;
  const load = async (): Promise<StartApp> => ((await import(/* @vite-ignore */ address)) as { start: StartApp }).start;
  const widget = new Widget(options, load);
  const api: SupportBaseApi = widget.api();
  window.SupportBase = api;
  api.push(...(queued ?? []));
  widget.ready();
}

function start(script: HTMLScriptElement): void {
  try {
    boot(script);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error); // the page goes on without a chat
  }
}

const script = ownScript();
if (!script) console.error('SupportBase: widget.js finds no script tag with data-project');
else if (document.readyState !== 'loading' || document.querySelector('body')) start(script);
else document.addEventListener('DOMContentLoaded', () => start(script), { once: true });

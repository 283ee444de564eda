// Websites of other people that embed the widget: on an origin of their own, and some of them hostile.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { pagesUrl } from './browser.mjs';
import { PROJECT, serverUrl } from './people.mjs';

const KEY = 'sb_publishable_local_development_only';

/** The tag that docs/widget.md tells people to copy. */
export const tag = (more = '') =>
  `<script src="${pagesUrl()}/widget/widget.js" data-project="${PROJECT}" data-url="${serverUrl()}" data-key="${KEY}" ${more}></script>`;

/** What a page must allow, as docs/widget.md says. */
const POLICY = () =>
  [
    "default-src 'none'",
    `script-src ${pagesUrl()}`,
    "style-src 'self'",
    'img-src data:',
    `connect-src ${serverUrl()} ${serverUrl().replace('http', 'ws')}`,
    'worker-src blob:',
  ].join('; ');

const plain = () => page({ head: '', body: '<main><h1>A plain site</h1></main>' });

/** Styles that reach for everything, and globals that other libraries of the last twenty years have changed. */
const hostile = () =>
  page({
    head: `<style>
      * { font: 40px fantasy !important; color: red !important; background: lime !important; letter-spacing: 9px !important;
          text-transform: uppercase !important; box-sizing: content-box !important; }
      div, section, body > * { display: none !important; visibility: hidden !important; opacity: 0 !important; transform: rotate(45deg) !important; }
      button, textarea, svg { all: unset !important; width: 400px !important; }
      html { font-size: 40px; }
    </style><script>
      Object.prototype.extended = function () { return 'by an old library'; };
      Object.prototype.surprise = 'enumerable';
      Array.prototype.last = function () { return this[this.length - 1]; };
      String.prototype.toJSON = function () { return String(this); };
      Function.prototype.bound = true;
      const denied = { get() { throw new DOMException('The operation is insecure.', 'SecurityError'); }, configurable: true };
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, denied);
      Object.defineProperty(document, 'cookie', denied);
      window.pressed = [];
      document.addEventListener('keydown', (event) => window.pressed.push(event.key));
    </script>`,
    body: '<form><label>Name <input name="email"></label></form><div>Hidden content</div>',
  });

const strict = () => page({ head: '', body: '<h1>A strict site</h1>' });

const bare = ({ head = '', body }) =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Somebody's site</title><link rel="icon" href="data:,">${head}</head><body>${body}</body></html>`;

const page = ({ head, body, more = '' }) => bare({ head, body: body + tag(more) });

const PAGES = {
  '/plain': { body: plain },
  '/hostile': { body: hostile },
  '/strict': { body: strict, policy: POLICY },
  '/without': { body: () => bare({ body: '<h1>A page without a chat</h1>' }) },
  '/twice': { body: () => page({ head: '', body: tag() }) },
  '/queued': {
    body: () =>
      page({
        head: `<script>
          window.heard = [];
          window.SupportBase = [(api) => {
            for (const name of ['open', 'close', 'message', 'phase', 'unread']) api.on(name, (detail) => window.heard.push([name, detail]));
            api.setTexts({ aiName: 'Ada' });
          }];
        </script>`,
        body: '',
        more: 'data-launcher="off" data-accent="#c4674a" data-position="left" data-branding="off"',
      }),
  },
};

/** Serves them; close() ends it. */
export async function startHost() {
  const server = createServer((request, response) => {
    const found = PAGES[new URL(request.url, 'http://host').pathname];
    if (!found) {
      response.writeHead(404).end();
      return;
    }
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    if (found.policy) headers['content-security-policy'] = found.policy();
    response.writeHead(200, headers).end(found.body());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

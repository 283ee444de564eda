// A site whose pages carry the SDK, bundled as its builder would.

import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { build, defaultClientConditions } from 'vite';

const ENTRY = fileURLToPath(new URL('page.ts', import.meta.url));

async function bundle() {
  const [{ output }] = await build({
    configFile: false,
    logLevel: 'warn',
    resolve: { conditions: ['@supportbase/source', ...defaultClientConditions] },
    build: { write: false, lib: { entry: ENTRY, formats: ['iife'], name: 'page' } },
  });
  return output[0].code;
}

/** Serves every path with the same page; below /strict/ its policy forbids workers. */
export async function startSite() {
  const script = await bundle();
  const server = createServer((request, response) => {
    if (request.url === '/page.js') {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
      return;
    }
    const policy = request.url.startsWith('/strict/') ? { 'Content-Security-Policy': "worker-src 'none'" } : {};
    const page =
      '<!doctype html><title>Presence</title><link rel="icon" href="data:,"><script src="/page.js"></script>';
    response.writeHead(200, { 'Content-Type': 'text/html', ...policy }).end(page);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

// Pictures of every scene, for looking at: node gallery/shoot.mjs OUTDIR [--scenes=a,b] [--themes=light,dark] [--sizes=desktop,mobile] [--locale=en]
// (web/e2e takes those of the docs, from the real thing).

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenes: { type: 'string', default: '' },
    themes: { type: 'string', default: 'light,dark' },
    sizes: { type: 'string', default: 'desktop,mobile' },
    locale: { type: 'string', default: 'en' },
  },
});
const out = positionals[0] ?? 'pictures';
const VIEWPORTS = { desktop: { width: 560, height: 800 }, mobile: { width: 390, height: 844 } };

await mkdir(out, { recursive: true });
const root = fileURLToPath(new URL('.', import.meta.url));
const server = await createServer({
  root,
  configFile: false,
  logLevel: 'warn',
  resolve: { conditions: ['@supportbase/source'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  server: { port: 0, host: '127.0.0.1' },
});
await server.listen();
const base = server.resolvedUrls.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const { SCENES } = await server.ssrLoadModule('/scenes.ts');
  const wanted = values.scenes ? values.scenes.split(',') : SCENES.map(({ name }) => name);
  for (const size of values.sizes.split(',')) {
    const page = await browser.newPage({ viewport: VIEWPORTS[size], deviceScaleFactor: 2 });
    page.on('console', (line) => line.type() === 'error' && console.error(line.text()));
    page.on('pageerror', (error) => console.error(error));
    for (const theme of values.themes.split(',')) {
      for (const scene of wanted) {
        await page.goto(`${base}?scene=${scene}&theme=${theme}&locale=${values.locale}`);
        await page.locator('.sb-panel').waitFor();
        await page.waitForTimeout(1_700);
        await page.screenshot({ path: `${out}/${scene}-${theme}-${size}.png` });
      }
    }
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}

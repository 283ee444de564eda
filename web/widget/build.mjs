// Builds dist/: `widget.js`, the classic script that pages embed, and the parts that it loads when the chat is needed.
//
// The parts have the hash of their content in their names; widget.js knows the name of the first one. So a page that has an
// older widget.js in its cache keeps working for as long as the older parts are served.

import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { build } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
const outDir = `${root}dist`;

/** Common to both. Browsers of 2023 and later: the styles need color-mix. */
const shared = {
  root,
  configFile: false,
  logLevel: 'warn',
  resolve: { conditions: ['@supportbase/source', 'import', 'module', 'browser', 'default'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
};
const target = 'es2022';

async function buildApp() {
  const result = await build({
    ...shared,
    build: {
      target,
      outDir,
      emptyOutDir: false,
      modulePreload: false,
      rolldownOptions: {
        input: `${root}src/app/main.tsx`,
        preserveEntrySignatures: 'strict',
        output: {
          format: 'es',
          entryFileNames: 'app-[hash:8].js',
          chunkFileNames: '[name]-[hash:8].js',
          // Apart, so that the size of what is ours can be told, and a new version of ours leaves it in the cache.
          codeSplitting: { groups: [{ name: 'supabase', test: /node_modules\/@supabase\// }] },
        },
      },
    },
  });
  const [output] = [result].flat();
  return output.output.find((part) => part.isEntry).fileName;
}

async function buildLoader(appFile) {
  await build({
    ...shared,
    define: { __APP_FILE__: JSON.stringify(appFile) },
    build: {
      target,
      outDir,
      emptyOutDir: false,
      lib: { entry: `${root}src/loader.ts`, formats: ['iife'], name: 'SupportBaseLoader', fileName: () => 'widget.js' },
    },
  });
}

await rm(outDir, { recursive: true, force: true });
await buildLoader(await buildApp());

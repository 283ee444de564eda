// How much of the widget is ours, compressed as a server would send it: node size.mjs [--json]. The budget is 60 kB beside
// supabase-js, and 8 kB before anybody opens the chat.

import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

export const BUDGET_KB = 60;
export const LAUNCHER_BUDGET_KB = 8;

const dist = fileURLToPath(new URL('dist/', import.meta.url));
const kb = (bytes) => Math.round(bytes / 100) / 10;

/** `widget` is all that is ours, `launcher` what every page loads, `supabase` what is not ours; in kB of 1000 bytes. */
export async function sizes(folder = dist) {
  const sum = { widget: 0, launcher: 0, supabase: 0 };
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.js')) continue;
    const bytes = gzipSync(await readFile(`${folder}/${file}`), { level: 9 }).length;
    if (file.startsWith('supabase-')) sum.supabase += bytes;
    else sum.widget += bytes;
    if (file === 'widget.js') sum.launcher += bytes;
  }
  return { widget: kb(sum.widget), launcher: kb(sum.launcher), supabase: kb(sum.supabase) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { widget, launcher, supabase } = await sizes();
  const fits = widget <= BUDGET_KB && launcher <= LAUNCHER_BUDGET_KB;
  const numbers = `widget_gzip_kb=${widget} launcher_gzip_kb=${launcher} supabase_gzip_kb=${supabase}`;
  console.log(`RESULT widget-size=${fits ? 'ok' : 'failed'} ${numbers}`);
  process.exitCode = fits ? 0 : 1;
}

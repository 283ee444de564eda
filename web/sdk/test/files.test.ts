// Files on their way: uploaded once, however often the message is sent; with names that Storage and the database take.
import type { SupabaseClient } from '@supabase/supabase-js';
import { describe, expect, test } from 'vitest';

import { isPicture, textOf } from '../src/attachments.js';
import { Files, keyName, shownName } from '../src/chat/files.js';

const CHAT = '2f1d8f5a-93a4-4d0c-8a6e-5b9b7c0d1e02';
const picture = () => new File(['x'], 'Übersicht.png', { type: 'image/png' });

/** A client whose uploads and calls answer what the test says, in turn, and are written down. */
function client(uploads: unknown[], calls: unknown[]) {
  const log: unknown[][] = [];
  const bucket = {
    upload: (path: string) => {
      log.push(['upload', path]);
      return Promise.resolve({ data: {}, error: uploads.shift() ?? null });
    },
    createSignedUrl: (path: string) => {
      log.push(['sign', path]);
      return Promise.resolve({ data: { signedUrl: `https://files.example/${path}?token=t` }, error: null });
    },
  };
  const supabase = {
    storage: { from: () => bucket },
    rpc: (name: string, args: unknown) => {
      log.push([name, args]);
      const error = calls.shift() ?? null;
      return { abortSignal: () => Promise.resolve({ data: { id: 'm' }, error, status: error === null ? 200 : 503 }) };
    },
  } as unknown as SupabaseClient;
  return { files: new Files(supabase), log };
}

describe('a file', () => {
  test('goes up once and its message until it is answered', async () => {
    const { files, log } = client([], [{ code: '53300', message: 'busy', details: '', hint: '' }]);
    expect(files.add('k', picture())).toEqual({ path: '', name: 'Übersicht.png', mime_type: 'image/png', size: 1 });
    await expect(files.deliver(CHAT, 'k', 'Übersicht.png')).rejects.toMatchObject({ code: 'server' });
    await files.deliver(CHAT, 'k', 'Übersicht.png');
    expect(log.map(([name]) => name)).toEqual(['upload', 'send_attachments', 'send_attachments']);
    const path = log[0]?.[1] as string;
    expect(path).toMatch(new RegExp(`^${CHAT}/[0-9a-f-]{36}/Ubersicht\\.png$`));
    expect(log[2]?.[1]).toEqual({
      p_conversation_id: CHAT,
      p_client_message_id: 'k',
      p_files: [{ path, name: 'Übersicht.png' }],
    });
    expect(files.of('k')).toBeUndefined();
  });

  test('goes up again for another conversation', async () => {
    const { files, log } = client([], [{ code: 'PT409', message: '', details: 'conversation_closed', hint: '' }]);
    files.add('k', picture());
    await expect(files.deliver(CHAT, 'k', '')).rejects.toThrow();
    await files.deliver(CHAT.replace('2f', '3f'), 'k', '');
    expect(log.map(([name]) => name)).toEqual(['upload', 'send_attachments', 'upload', 'send_attachments']);
  });

  test.each([
    [
      { message: 'The object exceeded the maximum allowed size', status: 400, statusCode: '413' },
      'file_too_large',
      false,
    ],
    [{ message: 'mime type text/html is not supported', status: 400, statusCode: '415' }, 'file_type_refused', false],
    [{ message: 'new row violates row-level security policy', status: 400, statusCode: '403' }, 'file_refused', false],
    [{ message: 'Bucket not found', status: 400, statusCode: '404' }, 'attachments_off', false],
    [{ message: 'Failed to fetch', originalError: new TypeError('Failed to fetch') }, 'network', true],
    [{ message: 'Internal server error', status: 500, statusCode: '500' }, 'server', true],
  ])('is refused by Storage with %o', async (error, code, retryable) => {
    const { files } = client([error], []);
    files.add('k', picture());
    await expect(files.deliver(CHAT, 'k', '')).rejects.toMatchObject({ code, retryable });
  });

  test('is saved under its own name, and its address is kept for a while', async () => {
    const { files, log } = client([], []);
    const attachment = { path: 'a/b/c.png', name: 'Ü 1.png', mime_type: 'image/png', size: 1 };
    expect(await files.url(attachment, true)).toBe('https://files.example/a/b/c.png?token=t&download=%C3%9C%201.png');
    expect(await files.url(attachment, false)).toBe('https://files.example/a/b/c.png?token=t');
    await files.url(attachment, false);
    expect(log).toHaveLength(2);
  });

  test.each([
    ['Übersicht für Müller.pdf', 'Ubersicht_fur_Muller.pdf'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['.htaccess', 'htaccess'],
    ['照片.png', '_.png'],
    ['', 'file'],
    [`${'a'.repeat(300)}.png`, `${'a'.repeat(116)}.png`],
  ])('%s has a key of few letters', (name, key) => {
    expect(keyName(name)).toBe(key);
    expect(key).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}$/);
  });

  test('hides no letters in its name', () => {
    expect(shownName('gnp.\u202eexe')).toBe('gnp._exe');
    expect(shownName('C:\\a/b\n.png')).toBe('C:_a_b_.png');
    expect(shownName(' \u200b')).toBe('_');
    expect(shownName('')).toBe('file');
    expect(Array.from(shownName('😀'.repeat(300)))).toHaveLength(200);
  });

  test('is shown as a picture only if it can hold no script', () => {
    const shown = ['image/png', 'image/svg+xml', 'text/html', 'application/pdf', 'IMAGE/PNG', ''];
    expect(shown.filter((type) => isPicture({ mime_type: type }))).toEqual(['image/png']);
  });

  test('that stands alone needs no words', () => {
    const attachments = [{ path: '', name: 'a.png', mime_type: '', size: 1 }];
    expect(textOf({ content: 'a.png', attachments })).toBe('');
    expect(textOf({ content: 'Here it is', attachments })).toBe('Here it is');
    expect(textOf({ content: 'a.png', attachments: [] })).toBe('a.png');
  });
});

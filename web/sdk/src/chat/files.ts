import type { SupabaseClient } from '@supabase/supabase-js';

import type { Attachment, Message } from '../conversation.js';
import { asHandoffError, rpc } from '../core/call.js';
import { HandoffError } from '../core/errors.js';
import { uuid } from '../core/ids.js';

const BUCKET = 'handoff-attachments';
/** How long an address works; it is made anew a good while before. */
const URL_SECONDS = 3600;
const URL_KEPT_MS = (URL_SECONDS - 600) * 1000;

interface Outgoing {
  file: File;
  name: string;
  /** Where it is, once it was uploaded. */
  path: string | null;
}

/** The files of one client's messages: those that are being sent, and the addresses of those that were. */
export class Files {
  readonly #supabase: SupabaseClient;
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #urls = new Map<string, { url: Promise<string>; until: number }>();

  constructor(supabase: SupabaseClient) {
    this.#supabase = supabase;
  }

  /** Takes a file that will go with the message of that id, and says how it is shown until then. */
  add(clientMessageId: string, file: File): Attachment {
    const name = shownName(file.name);
    this.#outgoing.set(clientMessageId, { file, name, path: null });
    return { path: '', name, mime_type: file.type, size: file.size };
  }

  /** The file of a message that was not sent yet. */
  of(clientMessageId: string): File | undefined {
    return this.#outgoing.get(clientMessageId)?.file;
  }

  forget(clientMessageId: string): void {
    this.#outgoing.delete(clientMessageId);
  }

  /** Sends the message with its file, uploaded once however often this is called; a message without one as text. */
  async deliver(conversationId: string, clientMessageId: string, content: string): Promise<Message> {
    const args = { p_conversation_id: conversationId, p_client_message_id: clientMessageId };
    const outgoing = this.#outgoing.get(clientMessageId);
    if (outgoing === undefined) return rpc<Message>(this.#supabase, 'send_message', { ...args, p_content: content });
    // A path of another conversation: that one was closed meanwhile.
    if (outgoing.path?.startsWith(conversationId) !== true) {
      outgoing.path = await this.#upload(conversationId, outgoing.file);
    }
    const message = await rpc<Message>(this.#supabase, 'send_attachments', {
      ...args,
      p_files: [{ path: outgoing.path, name: outgoing.name }],
    });
    this.#outgoing.delete(clientMessageId);
    return message;
  }

  /** An address under which the file can be fetched for a while, without a token: as a picture, or to be saved. */
  url({ path, name }: Attachment, download: boolean): Promise<string> {
    const key = `${download ? 'save' : 'show'} ${path} ${name}`;
    const known = this.#urls.get(key);
    if (known !== undefined && known.until > Date.now()) return known.url;
    const url = this.#sign(path, download ? name : null);
    this.#urls.set(key, { url, until: Date.now() + URL_KEPT_MS });
    url.catch(() => this.#urls.delete(key));
    return url;
  }

  async #sign(path: string, saveAs: string | null): Promise<string> {
    const { data, error } = await this.#supabase.storage.from(BUCKET).createSignedUrl(path, URL_SECONDS);
    if (error !== null) throw refusal(error);
    // supabase-js would escape the name twice.
    return saveAs === null ? data.signedUrl : `${data.signedUrl}&download=${encodeURIComponent(saveAs)}`;
  }

  async #upload(conversationId: string, file: File): Promise<string> {
    const path = `${conversationId}/${uuid()}/${keyName(file.name)}`;
    const { error } = await this.#supabase.storage.from(BUCKET).upload(path, file);
    if (error !== null) throw refusal(error);
    return path;
  }
}

/** Storage answers 400 to everything; what it means stands beside it. */
const CODES: Readonly<Record<string, string>> = {
  '403': 'file_refused',
  '404': 'attachments_off',
  '413': 'file_too_large',
  '415': 'file_type_refused',
};

function refusal(error: unknown): HandoffError {
  const { message, statusCode } = error as { message: string; statusCode?: string };
  const code = CODES[statusCode ?? ''];
  if (code !== undefined) return new HandoffError(message, { code, status: Number(statusCode), cause: error });
  const { originalError } = error as { originalError?: unknown };
  return asHandoffError(originalError ?? error);
}

/** A name that Storage takes as a part of a key: few letters, the end of it where it is long, for that tells the type. */
export function keyName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\w.-]+/g, '_');
  return plain.slice(-120).replace(/^[.-]+/, '') || 'file';
}

/** The name as people see it, without letters that hide or turn others: the database refuses those. */
export function shownName(name: string): string {
  const plain = name.replace(/[\p{Cc}/\\\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, '_').trim();
  return Array.from(plain).slice(-200).join('').trim() || 'file';
}

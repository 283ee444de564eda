/** What the views of both sides ask about files. Apart from the rest, so that a page can have it before the client. */
import type { Attachment, Message } from './conversation.js';

/** Pictures that a browser draws and that hold no script. SVG and HTML are none: they are downloaded. */
const PICTURES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/** Whether the file may be shown as a picture. What it really holds is for the browser's decoder to find out. */
export function isPicture({ mime_type: type }: Pick<Attachment, 'mime_type'>): boolean {
  return PICTURES.has(type);
}

/** The text of a message, without the names that stand in for one where a file was sent alone. */
export function textOf({ content, attachments }: Pick<Message, 'content' | 'attachments'>): string {
  return attachments.length > 0 && content === attachments.map(({ name }) => name).join(', ') ? '' : content;
}

/** 20 kB, 1.5 MB, with the separators of the locale. */
export function fileSize(bytes: number, locale: string): string {
  const large = bytes >= 1_000_000;
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: large ? 1 : 0 });
  return large ? `${number.format(bytes / 1_000_000)} MB` : `${number.format(Math.max(1, bytes / 1000))} kB`;
}

import { de } from './de.js';
import { en } from './en.js';
import type { TextKey, Texts } from './en.js';
import { baseOf } from './locale.js';

export type { TextKey, Texts } from './en.js';

/** The languages there are. A page replaces single texts by `SupportBase.setTexts`, and so can have any other. */
export const dictionaries: ReadonlyMap<string, Texts> = new Map([
  ['en', en],
  ['de', de],
]);

/** The texts of a locale, with the page's own over them. */
export function textsOf(locale: string, own: Partial<Texts> = {}): Texts {
  return { ...(dictionaries.get(baseOf(locale)) ?? en), ...own };
}

/** Fills the words in braces. One that is not given stays, so that a wrong dictionary can be seen. */
export function fill(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

/** Says a text in the chosen language. */
export type Say = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

export function speaker(texts: Texts): Say {
  return (key, values) => fill(texts[key], values);
}

import type { CannedResponse } from '@supportbase/handoff';

/** The shortcut that is being typed: from `start` (the slash) to the caret. */
export interface CannedQuery {
  start: number;
  word: string;
}

/** A slash opens the list at the beginning of a word, so that "and/or" and dates do not. */
export function cannedQuery(text: string, caret: number): CannedQuery | null {
  const match = /(?:^|\s)\/([\p{L}\p{N}_-]*)$/u.exec(text.slice(0, caret));
  if (match === null) return null;
  const word = match[1] ?? '';
  return { start: caret - word.length - 1, word: word.toLocaleLowerCase() };
}

const MOST = 8;

/** Shortcuts that begin so, then those whose text has the word. */
export function cannedMatches(all: readonly CannedResponse[], word: string): CannedResponse[] {
  const begin = all.filter((one) => one.shortcut.startsWith(word));
  const inside = all.filter((one) => !begin.includes(one) && one.content.toLocaleLowerCase().includes(word));
  return [...begin, ...(word.length >= 2 ? inside : [])].slice(0, MOST);
}

export interface Names {
  name: string | null;
  email: string | null;
  agent: string | null;
}

/** Puts the names in; one that is not known leaves no gap: "Hi {name}," becomes "Hi,". */
export function fillCanned(content: string, names: Names): string {
  return content.replace(/[ \t]?\{(name|email|agent)\}/gu, (place, key: keyof Names) => {
    const value = names[key];
    if (value === null || value === '') return '';
    return place.slice(0, place.indexOf('{')) + value;
  });
}

/** The text with the response in the place of its shortcut, and where the caret goes. */
export function insertCanned(
  text: string,
  caret: number,
  query: CannedQuery,
  filled: string,
): { text: string; caret: number } {
  return { text: text.slice(0, query.start) + filled + text.slice(caret), caret: query.start + filled.length };
}

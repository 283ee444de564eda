/** What the script tag says: one data attribute for each option (docs/widget.md). */

export type ThemeOption = 'auto' | 'light' | 'dark';
export type TrackOption = 'chat' | 'always' | 'off';

export interface Options {
  /** The project's id. */
  project: string;
  /** The Supabase project's address. */
  url: string;
  /** The publishable key. */
  key: string;
  /** A language that the dictionary has; empty: the browser's. */
  locale: string;
  theme: ThemeOption;
  /** A CSS colour in hex; empty: the built-in one. */
  accent: string;
  position: 'left' | 'right';
  /** The assistant's name in the header; empty: the dictionary's. */
  title: string;
  /** The first line of an empty chat; empty: the dictionary's. */
  greeting: string;
  /** Questions that are offered in an empty chat. */
  suggestions: readonly string[];
  /** Whose pages the team sees: those of visitors who chatted, of everybody, of nobody. */
  track: TrackOption;
  /** Open by itself. */
  open: boolean;
  /** False: the page has a button of its own and calls the API. */
  launcher: boolean;
  branding: boolean;
}

/** Thrown when the script tag lacks what the widget cannot do without. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
}

const REQUIRED = ['project', 'url', 'key'] as const;

type OptionName = keyof Options;

/** Reads the options; an unknown value is taken as the default. */
export function readOptions(data: Readonly<Partial<Record<OptionName, string>>>): Options {
  const missing = REQUIRED.filter((name) => !data[name]);
  if (missing.length > 0) {
    throw new OptionsError(`SupportBase: the script tag needs ${missing.map((name) => `data-${name}`).join(', ')}`);
  }
  return {
    project: text(data.project),
    url: text(data.url).replace(/\/+$/, ''),
    key: text(data.key),
    locale: text(data.locale),
    theme: oneOf(data.theme, ['auto', 'light', 'dark']),
    accent: colour(data.accent),
    position: oneOf(data.position, ['right', 'left']),
    title: text(data.title),
    greeting: text(data.greeting),
    suggestions: list(data.suggestions),
    track: oneOf(data.track, ['chat', 'always', 'off']),
    open: data.open === 'true' || data.open === '',
    launcher: data.launcher !== 'off',
    branding: data.branding !== 'off',
  };
}

const text = (value: string | undefined): string => (value ?? '').trim();

/** The value if it is allowed, else the first of the allowed ones. */
function oneOf<const T extends readonly [string, ...string[]]>(value: string | undefined, allowed: T): T[number] {
  return allowed.find((one) => one === value) ?? allowed[0];
}

/** Only hex: the value goes into a style, and nothing else can come with it. */
function colour(value: string | undefined): string {
  return /^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i.test(text(value)) ? text(value) : '';
}

const MOST_SUGGESTIONS = 4;

function list(value: string | undefined): string[] {
  const parts = text(value).split('|');
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .slice(0, MOST_SUGGESTIONS);
}

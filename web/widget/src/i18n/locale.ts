import { launcherTexts } from './launcher.js';

/** The first of the wanted languages that there is, by its first part (`de-AT` is `de`); else English. */
export function chooseLocale(wanted: readonly string[]): string {
  return wanted.find((one) => launcherTexts.has(baseOf(one))) ?? 'en';
}

export const baseOf = (locale: string): string => locale.toLowerCase().split('-')[0] ?? '';

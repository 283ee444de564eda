/** Times in words, by the visitor's own clock and language. */

const DAY_MS = 86_400_000;

const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0);

/** Whole calendar days from one moment to another; right over changes of the clock. */
export function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / DAY_MS);
}

export function clockTime(at: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }).format(new Date(at));
}

/** A date for a line between messages: today, yesterday, a weekday within the week, else the date. */
export function dayText(at: string, now: number, locale: string, words: { today: string; yesterday: string }): string {
  const days = daysBetween(Date.parse(at), now);
  if (days <= 0) return words.today;
  if (days === 1) return words.yesterday;
  const format: Intl.DateTimeFormatOptions =
    days < 7 ? { weekday: 'long' } : { day: 'numeric', month: 'long', ...(days > 300 ? { year: 'numeric' } : {}) };
  return new Intl.DateTimeFormat(locale, format).format(new Date(at));
}

/** When the team is back: "at 9:00", "tomorrow" as its weekday, or with the date when it is more than six days ahead. */
export function openingText(at: string, now: number, locale: string): string {
  const days = daysBetween(now, Date.parse(at));
  const format: Intl.DateTimeFormatOptions = { hour: 'numeric', minute: '2-digit' };
  if (days > 0) format.weekday = 'long';
  if (days > 6) Object.assign(format, { day: 'numeric', month: 'long' });
  return new Intl.DateTimeFormat(locale, format).format(new Date(at));
}

/** A countdown, `4:05`; null when it is over. */
export function countdown(until: string, now: number): string | null {
  const seconds = Math.ceil((Date.parse(until) - now) / 1000);
  if (!(seconds > 0)) return null;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

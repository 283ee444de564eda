// How the dashboard writes times, durations and names. Everything takes the moment it is asked at, so that tests own time.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function time(iso: string): string {
  return new Date(iso).toLocaleTimeString(undefined, { hour: 'numeric', minute: '2-digit' });
}

export function date(iso: string): string {
  return new Date(iso).toLocaleDateString(undefined, { month: 'short', day: 'numeric', year: 'numeric' });
}

/** "Today", "Yesterday", "Monday", "Jan 10, 2025". */
export function day(iso: string, now: number): string {
  const then = new Date(iso);
  const days = Math.round((startOfDay(now) - startOfDay(then.getTime())) / DAY);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days > 1 && days < 7) return then.toLocaleDateString(undefined, { weekday: 'long' });
  return date(iso);
}

export function isSameDay(a: string, b: string): boolean {
  return startOfDay(Date.parse(a)) === startOfDay(Date.parse(b));
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** "now", "5m", "3h", "2d", "Jan 10": beside a line of a list. */
export function age(iso: string, now: number): string {
  const ms = Math.max(0, now - Date.parse(iso));
  if (ms < MINUTE) return 'now';
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h`;
  if (ms < 7 * DAY) return `${Math.floor(ms / DAY)}d`;
  return new Date(iso).toLocaleDateString(undefined, { month: 'short', day: 'numeric' });
}

/** "just now", "5 min ago", "3 hours ago", "Jan 10, 2025". */
export function ago(iso: string, now: number): string {
  const ms = Math.max(0, now - Date.parse(iso));
  if (ms < MINUTE) return 'just now';
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ago`;
  if (ms < DAY) return counted(Math.floor(ms / HOUR), 'hour', 'ago');
  if (ms < 7 * DAY) return counted(Math.floor(ms / DAY), 'day', 'ago');
  return date(iso);
}

function counted(count: number, unit: string, after: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'} ${after}`;
}

/** "4:05" or "1:02:03": a clock that runs. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, place) => (place === 0 ? String(part) : String(part).padStart(2, '0'))).join(':');
}

/** "45s", "3m 20s", "1h 5m". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${Math.round(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}

interface Named {
  customer_name: string | null;
  customer_email: string | null;
}

export function customerName(line: Named): string {
  return line.customer_name ?? line.customer_email ?? 'Anonymous visitor';
}

/** "/pricing" of a page's address. */
export function pagePath(url: string): string {
  try {
    const { pathname, search } = new URL(url);
    return pathname + search;
  } catch {
    return url;
  }
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

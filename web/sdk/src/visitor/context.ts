import type { PageContext } from '../customer.js';

/** First match wins: every browser says that it is also its ancestors. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\/|EdgiOS/, 'Edge'],
  [/\bOPR\/|\bOpera/, 'Opera'],
  [/SamsungBrowser/, 'Samsung Internet'],
  [/Firefox|FxiOS/, 'Firefox'],
  [/Chrome|CriOS|Chromium/, 'Chrome'],
  [/Safari/, 'Safari'],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad|iPod/, 'iOS'],
  [/CrOS/, 'ChromeOS'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/Linux/, 'Linux'],
];

const DEVICES: readonly (readonly [RegExp, string])[] = [
  [/iPad|Tablet|Android(?!.*Mobile)/, 'Tablet'],
  [/Mobile|iPhone|iPod|Android/, 'Mobile'],
];

/** What the browser tells of itself (F001 5.11.3). */
export function pageContext(): PageContext | null {
  if (typeof navigator === 'undefined' || typeof window === 'undefined') return null;
  const agent = navigator.userAgent;
  return {
    browser: firstMatch(BROWSERS, agent, 'Other'),
    os: firstMatch(SYSTEMS, agent, 'Other'),
    device: firstMatch(DEVICES, agent, 'Desktop'),
    language: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen_resolution: `${window.screen.width}x${window.screen.height}`,
  };
}

export function firstMatch(names: readonly (readonly [RegExp, string])[], text: string, otherwise: string): string {
  return names.find(([pattern]) => pattern.test(text))?.[1] ?? otherwise;
}

/** Arguments of `track_visit` for the page as it is now; null where there is no page. */
export function currentPage(): { p_url: string; p_title: string; p_referrer: string | null } | null {
  if (typeof location === 'undefined' || !/^https?:$/.test(location.protocol)) return null;
  return { p_url: location.href, p_title: document.title, p_referrer: document.referrer || null };
}

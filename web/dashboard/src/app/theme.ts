import { read, write } from './memory';
import { createCell } from './store';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'handoff-dashboard-theme';

function stored(): Theme {
  const value = read(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = createCell<Theme>(stored());

export function setTheme(next: Theme): void {
  write(KEY, next);
  theme.set(next);
  applyTheme();
}

export function applyTheme(): void {
  const chosen = theme.getSnapshot();
  document.documentElement.style.colorScheme = chosen === 'system' ? 'light dark' : chosen;
}

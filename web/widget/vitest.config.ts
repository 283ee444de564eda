import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@supportbase/source'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  test: { include: ['test/**/*.test.{ts,tsx}'], environment: 'happy-dom', restoreMocks: true },
});

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// scripts/pages.sh copies the build to the folder that the Go program embeds and serves at /dashboard/.
export default defineConfig({
  base: '/dashboard/',
  plugins: [react()],
  resolve: { conditions: ['@supportbase/source'] },
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  test: { include: ['test/**/*.test.{ts,tsx}'] },
});

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  // Relative addresses: the same files are served by the window and, below any path, by `steady serve`.
  base: './',
  build: {
    target: 'es2022',
    // The content security policy allows no `data:` addresses, so nothing may be inlined as one.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 400,
  },
  resolve: process.env.VITEST === undefined ? {} : { conditions: ['browser'] },
  test: { include: ['tests/unit/**/*.test.ts'] },
});

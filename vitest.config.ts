import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    // A limit costs nothing where all is well; a machine may be slow, and other work beside.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 120_000 } },
    // Vitest leaves one core idle; of two that is half.
    maxWorkers: '100%',
    // A worker loads each module once, instead of once a file: a third of all the time.
    isolate: false,
    // Node runs TypeScript itself: Vite's transforms would take a sixth of all the time.
    experimental: { viteModuleRunner: false },
    // Processes that tests start load their modules from it: half the time of a command.
    env: { NODE_COMPILE_CACHE: source('./node_modules/.cache/node') },
    // .ci/run sums up the report.
    reporters: ['default', ['json', { outputFile: 'reports/test.json' }]],
  },
})

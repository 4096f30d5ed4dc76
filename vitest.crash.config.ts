import { defineConfig } from 'vitest/config'

/** The longer suites: processes killed at every point, one file after another. */
export default defineConfig({
  test: {
    include: ['test/**/*.crash.ts'],
    testTimeout: 1_200_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: 'reports/crash.json' }]],
  },
})

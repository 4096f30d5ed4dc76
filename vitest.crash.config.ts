import { defineConfig } from 'vitest/config'
import { entryPoints } from './vitest.config.ts'

/** The longer suites: processes killed at every point, one file after another. */
export default defineConfig({
  resolve: { alias: entryPoints },
  test: {
    include: ['test/**/*.crash.ts'],
    testTimeout: 1_200_000,
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: 'reports/crash.json' }]],
  },
})

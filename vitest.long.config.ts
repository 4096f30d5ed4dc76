import { defineConfig } from 'vitest/config'
import everyday from './vitest.config.ts'

/** What takes long for its processes and restarts: the loop of drift, workers, the quick start. */
export default defineConfig({
  ...everyday,
  test: {
    ...everyday.test,
    include: ['test/**/*.long.ts'],
    testTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: 'reports/long.json' }]],
  },
})

import { defineConfig } from 'vitest/config'
import everyday from './vitest.config.ts'

/** What takes long for its processes, restarts and files: uploads, kills, the loop of drift, workers. */
export default defineConfig({
  ...everyday,
  test: {
    ...everyday.test,
    include: ['test/**/*.long.ts'],
    testTimeout: 600_000,
    reporters: ['default', ['json', { outputFile: 'reports/long.json' }]],
  },
})

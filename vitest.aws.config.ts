import { defineConfig } from 'vitest/config'

/** What needs AWS or an emulator of it: the adapters' contracts and the deployed platform. */
export default defineConfig({
  test: {
    include: ['test/**/*.aws.ts'],
    testTimeout: 480_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 120_000 } },
    // One endpoint and two cores serve every file.
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: 'reports/aws.json' }]],
  },
})

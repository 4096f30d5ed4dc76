import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The package's own entry points, so that examples import `millrace` as their readers will. */
export const entryPoints = [
  { find: /^millrace$/, replacement: source('./index.ts') },
  { find: /^millrace\/engine$/, replacement: source('./engine/index.ts') },
  { find: /^millrace\/models$/, replacement: source('./ml/models/index.ts') },
  { find: /^millrace\/drift$/, replacement: source('./ml/drift/index.ts') },
  { find: /^millrace\/data$/, replacement: source('./ml/data/index.ts') },
  { find: /^millrace\/events$/, replacement: source('./events/index.ts') },
  { find: /^millrace\/aws$/, replacement: source('./platform/aws/index.ts') },
  { find: /^millrace\/cdk$/, replacement: source('./cdk/index.ts') },
  { find: /^millrace\/testing$/, replacement: source('./platform/testing/index.ts') },
]

export default defineConfig({
  resolve: { alias: entryPoints },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    setupFiles: ['test/setup.ts'],
    testTimeout: 20_000,
    // Vitest leaves one core idle; of two that is half.
    maxWorkers: '100%',
    // A worker loads each module once, instead of once a file: a third of all the time.
    isolate: false,
    // Processes that tests start load their modules from it: half the time of a command.
    env: { NODE_COMPILE_CACHE: source('./node_modules/.cache/node') },
    // .ci/run sums up the report.
    reporters: ['default', ['json', { outputFile: 'reports/test.json' }]],
  },
})

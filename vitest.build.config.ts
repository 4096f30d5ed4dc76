import { defineConfig } from 'vitest/config'

/** What is made of the sources: the WebAssembly modules, the functions' bundles, the package. */
export default defineConfig({
  test: {
    include: ['test/**/*.build.ts'],
    testTimeout: 480_000,
    hookTimeout: 480_000,
    // The package is built anew, which the bundles are made beside.
    fileParallelism: false,
    reporters: ['default', ['json', { outputFile: 'reports/build.json' }]],
  },
})

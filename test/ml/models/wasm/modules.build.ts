import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const models = new URL('../../../../ml/models/', import.meta.url)

it.each([
  ['kernelsModule', 'wasm/kernels'],
  ['lloydModule', 'clustering/wasm/lloyd'],
  ['walkModule', 'trees/wasm/walk'],
  ['cutsModule', 'trees/forest/wasm/cuts'],
  ['vectorsModule', 'linear-algebra/wasm/vectors'],
  ['boostingModule', 'trees/boosting/wasm/kernels'],
])('%s is what its source compiles to', (name, path) => {
  const build = fileURLToPath(new URL('wasm/build.js', models))
  const built = execFileSync(process.execPath, [build, '--print', name], { encoding: 'utf8' })
  expect(built).toBe(readFileSync(new URL(`${path}.generated.ts`, models), 'utf8'))
})

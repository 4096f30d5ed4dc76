/**
 * Compiles the AssemblyScript sources of `ml/models` into modules of text beside them. The same source
 * and compiler give the same bytes.
 *
 *     node ml/models/wasm/build.js               all of them
 *     node ml/models/wasm/build.js --print NAME  one, to the standard output instead
 */
import { Buffer } from 'node:buffer'
import { readFile, writeFile } from 'node:fs/promises'
import { URL } from 'node:url'
import asc from 'assemblyscript/asc'

/** By the names of what the generated modules export. */
const modules = {
  kernelsModule: { source: 'kernels', features: 'simd' },
  lloydModule: { source: '../clustering/wasm/lloyd', features: 'simd' },
  walkModule: { source: '../trees/wasm/walk', features: 'simd' },
  cutsModule: { source: '../trees/forest/wasm/cuts', features: 'simd' },
  vectorsModule: { source: '../linear-algebra/wasm/vectors', features: 'simd' },
  boostingModule: { source: '../trees/boosting/wasm/kernels', features: 'simd,bulk-memory' },
}

const [flag, only] = process.argv.slice(2)
if (flag === '--print') {
  process.stdout.write(await compiled(only))
} else {
  for (const [name, { source }] of Object.entries(modules)) {
    await writeFile(new URL(`${source}.generated.ts`, import.meta.url), await compiled(name))
  }
}

async function compiled(name) {
  const { source, features } = modules[name]
  const file = source.slice(source.lastIndexOf('/') + 1)
  const sources = new URL(`${source}.as`, import.meta.url)
  const flags = [
    ...['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', features],
    ...['--initialMemory', '1', '--outFile', `${file}.wasm`],
  ]
  let wasm
  const { error, stderr } = await asc.main([`${file}.ts`, ...flags], {
    readFile: (path) => readSource(path, sources),
    writeFile: (_path, contents) => {
      wasm = contents
    },
    listFiles: () => [],
  })
  if (error) {
    process.stderr.write(stderr.toString())
    throw error
  }
  return [
    `// Made by ml/models/wasm/build.js from ${file}.as: do not edit.`,
    '// prettier-ignore',
    `export const ${name} =`,
    `  '${Buffer.from(wasm).toString('base64')}'`,
    '',
  ].join('\n')
}

/** A source by the name that the compiler gives it; null for one that it looks for in vain. */
async function readSource(path, sources) {
  try {
    return await readFile(new URL(path.replace(/\.ts$/, '.as'), sources), 'utf8')
  } catch {
    return null
  }
}

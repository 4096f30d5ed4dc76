import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const models = join(import.meta.dirname, '../../../ml/models')

interface Example {
  readonly file: string
  readonly code: string
}

/** The indented blocks of doc comments. */
function examplesOf(file: string): Example[] {
  const comments = readFileSync(join(models, file), 'utf8').match(/\/\*\*[^]*?\*\//g) ?? []
  return comments.flatMap((comment) =>
    [...comment.matchAll(/(?:^ *\* {5}.*\n)+/gm)].map(([block]) => ({
      file,
      code: block.replace(/^ *\* {5}/gm, ''),
    })),
  )
}

const examples = readdirSync(models, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap(examplesOf)

/** Each example has the package and some rows, and nothing of the one before it. */
const known = `
import * as models from './index.ts'
type Models = typeof models
declare global {
  const X: import('../data/matrix.ts').Matrix
  const y: Float64Array
  const price: Float64Array
${Object.keys(await import('../../../ml/models/index.ts'))
  .map((name) => `  const ${name}: Models['${name}']`)
  .join('\n')}
}
`

describe('The examples of the docstrings', () => {
  it('compile', () => {
    expect(examples.length).toBeGreaterThan(15)
    const sources = new Map(
      examples.map(({ code }, k) => [join(models, `example-${k}.ts`), `${code}\nexport {}\n`]),
    )
    sources.set(join(models, 'examples-known.ts'), known)
    const options: ts.CompilerOptions = {
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      lib: ['lib.esnext.d.ts'],
      types: ['node'],
    }
    const host = ts.createCompilerHost(options)
    const onDisk = ts.createCompilerHost(options)
    host.readFile = (name) => sources.get(name) ?? onDisk.readFile(name)
    host.fileExists = (name) => sources.has(name) || onDisk.fileExists(name)
    host.getSourceFile = (name, version, ...rest) => {
      const text = sources.get(name)
      if (text !== undefined) return ts.createSourceFile(name, text, version)
      return onDisk.getSourceFile(name, version, ...rest)
    }
    const program = ts.createProgram([...sources.keys()], options, host)
    const wrong = [...sources.keys()].flatMap((name) => {
      const source = program.getSourceFile(name)!
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    })
    const told = wrong.map(({ file, messageText }) => {
      const example = examples[Number(/example-(\d+)/.exec(file!.fileName)?.[1])]
      return `${example?.file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
    expect(told).toEqual([])
  })
})

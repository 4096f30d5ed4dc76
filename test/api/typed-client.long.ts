import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import openapiTS, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { readOperatorKey } from '../../platform/local/operator-key.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { irisRows } from '../fixtures/iris.ts'
import { shareCompute } from '../platform/local/shared-compute.ts'

const root = resolve(import.meta.dirname, '../..')
/** Apart from the project, whose compiler does not know the generated types. */
const program = join(import.meta.dirname, 'fixtures/typed-client.mts')
const generated = join(root, 'node_modules/.cache/millrace/api-types.ts')

let dataDir: string
let platform: Platform

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-typed-client-'))
  platform = await openPlatform({ dataDir, auth: true, logger: new RecordingLogger() })
  shareCompute(platform)
  const ast = await openapiTS(new URL(`${platform.url}/openapi.json`))
  await mkdir(resolve(generated, '..'), { recursive: true })
  await writeFile(generated, astToString(ast))
})

afterAll(async () => {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
})

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  lib: ['lib.es2024.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
  paths: { 'millrace-api': [generated] },
}

/** Mistakes that the types are to tell: what stands in the program, and what stands there instead. */
const mistakes = [
  ['a path that there is not', "'/models/{user}/{dataset}/predictions'", "'/models/predictions'"],
  ['a method that there is not', "client.GET('/usage')", "client.DELETE('/usage')"],
  ['a field that there is not', 'dataOf(appended).rows', 'dataOf(appended).row'],
  ['a body of another shape', "{ label: 'versicolor' }", "{ label: ['versicolor'] }"],
  ['a parameter that is missing', 'params: { path: { id } }', 'params: { path: {} }'],
  ['a parameter of another type', 'query: { limit: 10 }', "query: { limit: 'ten' }"],
] as const

const variantOf = (index: number) => join(import.meta.dirname, `fixtures/mistake-${index}.mts`)

/** What the compiler says of the program, and of it with each of the mistakes, by file. */
async function complaints(): Promise<ReadonlyMap<string, string[]>> {
  const text = await readFile(program, 'utf8')
  const files = new Map([[program, text]])
  mistakes.forEach(([, from, to], i) => {
    expect(text).toContain(from)
    files.set(variantOf(i), text.replace(from, to))
  })
  const host = ts.createCompilerHost(options)
  const fileExists = host.fileExists.bind(host)
  const getSourceFile = host.getSourceFile.bind(host)
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.getSourceFile = (file, version, ...rest) => {
    const known = files.get(file)
    return known === undefined
      ? getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, known, version)
  }
  const found = new Map([...files.keys()].map((file): [string, string[]] => [file, []]))
  const compiled = ts.createProgram([...files.keys()], options, host)
  for (const { file, start = 0, messageText } of ts.getPreEmitDiagnostics(compiled)) {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? 0
    const message = `line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
    const where = found.get(file?.fileName ?? program)
    if (where === undefined) throw new Error(`${file?.fileName}: ${message}`)
    where.push(message)
  }
  return found
}

it('a client generated from the document compiles, and with a mistake it does not', async () => {
  const found = await complaints()
  expect(found.get(program)).toEqual([])
  const untold = mistakes.filter((_, i) => found.get(variantOf(i))?.length === 0)
  expect(untold).toEqual([])
})

it('and it drives the platform from end to end', async () => {
  const operator = { authorization: `Bearer ${await readOperatorKey(dataDir)}` }
  const post = async (path: string, body: object) => {
    const headers = { ...operator, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    return (await (await fetch(`${platform.url}${path}`, init)).json()) as { key: string }
  }
  await post('/users', { name: 'ada' })
  const { key } = await post('/users/ada/keys', { role: 'owner' })
  const species = ['setosa', 'versicolor', 'virginica']
  const rows = irisRows().map(([a, b, c, d, label]) => [a, b, c, d, species[label!]])
  const flower = {
    'sepal length': 5.7,
    'sepal width': 2.8,
    'petal length': 4.1,
    'petal width': 1.3,
  }
  const { drive } = (await import(program)) as { drive: (session: object) => Promise<object> }
  expect(await drive({ url: platform.url, key, rows, flower })).toEqual({
    made: 201,
    rows: 150,
    replayed: 'true',
    status: 'SUCCEEDED',
    predicted: 'versicolor',
    isBest: true,
    recorded: 1,
    label: 'versicolor',
    origin: expect.stringMatching(/^datasets\/ada\/iris\//) as string,
    algorithm: 'logistic-regression',
    alias: 0,
    stale: 'urn:millrace:error:AliasChanged',
    champion: 0,
    trainedRows: 150,
    currency: 'USD',
  })
})

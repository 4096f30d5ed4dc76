import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readOperatorKey } from '../platform/local/operator-key.ts'
import { openPlatform, type Platform } from '../platform/local/platform.ts'
import { irisRows } from '../test/fixtures/iris.ts'
import { leaveDeadLetters } from '../test/fixtures/dead-letters.ts'
import { binaries, installPackage } from './python.ts'

/**
 * `npm run test:api`: schemathesis, with all its checks, against the HTTP API of an embedded platform
 * with users and data in it. Once with the key of an owner, once with that of the operator on the routes
 * that are the operator's alone, and once without a key. Arguments go to schemathesis, as another
 * `--seed`.
 */
const schemathesis = {
  name: 'schemathesis',
  version: '4.32.5',
  role: 'the fuzzer of the API',
  otherwise: 'Install it, and run npm run test:api again.',
}
const root = dirname(import.meta.dirname)
const reports = join(root, 'reports')
const patience = 30 * 60_000
const prices = {
  currency: 'EUR',
  perThousandPredictions: 1,
  perMillionTrainedRows: 1,
  perGigabyteMonth: 1,
}
const flowers = { instances: [[6.5, 2.8, 4.6, 1.5]] }
/** Of requests that hardly any made-up one is like. */
const bodies = {
  'POST /datasets/{user}/{dataset}/rows': [[6.5, 2.8, 4.6, 1.5, 1]],
  'POST /models/{user}/{dataset}/predictions': flowers,
  'POST /prediction': { userID: 'ada', array: flowers.instances[0] },
  'PUT /models/{user}/{dataset}/aliases/{alias}': { version: 0 },
}
/** Of all runs together: fewer say that the document or the fuzzer has lost routes. */
const leastRequests = 5000
const phases = 'coverage,fuzzing'

const started = performance.now()

const directory = await mkdtemp(join(tmpdir(), 'millrace-test-api-'))
let platform: Platform | undefined
try {
  installPackage(schemathesis, (line) => console.log(line))
  const dataDir = join(directory, '.millrace')
  const deadLetters = await leaveDeadLetters(dataDir, 'one', 'two', 'three')
  platform = await openPlatform({ dataDir, auth: true })
  const operatorKey = (await readOperatorKey(dataDir))!
  const { key, names } = await fill(platform.url, operatorKey, deadLetters)
  const configuration = join(directory, 'schemathesis.toml')
  writeFileSync(configuration, toml(names))
  const runs: Run[] = []
  const common = { url: platform.url, configuration, names, keptKey: key.split('_')[1]! }
  runs.push(await fuzz({ ...common, name: 'owner', key }))
  await stillAnswers(platform.url, key, names)
  const operate = ['--include-by', '/x-permission == "operate"']
  runs.push(await fuzz({ ...common, name: 'operator', key: operatorKey, filter: operate }))
  runs.push(await fuzz({ ...common, name: 'no-key' }))
  if (!report(runs)) process.exitCode = 1
} catch (error) {
  console.error(`test:api: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await platform?.close()
  await rm(directory, { recursive: true, force: true })
  console.log(`test:api took ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

type Names = Readonly<Record<string, readonly (string | number)[]>>

/** Makes a user with a dataset, a model, predictions and a batch; answers what they are called. */
async function fill(url: string, operatorKey: string, deadLetters: readonly string[]) {
  let key = operatorKey
  const ask = async <Answer = unknown>(method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Answer
  }
  for (const name of ['ada', 'bob']) await ask('POST', '/users', { name })
  await ask('PUT', '/plans/gold', { requestsPerSecond: 10, monthly: {}, prices })
  key = (await ask<{ key: string }>('POST', '/users/ada/keys', { role: 'owner' })).key
  const spare = await ask<{ id: string }>('POST', '/users/ada/keys', { role: 'reader' })
  await ask('PUT', '/datasets/ada/lilies', { columns: [{ name: 'a', type: 'text' }], target: null })
  const columns = ['a', 'b', 'c', 'd', 'species'].map((name) => ({ name, type: 'number' }))
  await ask('PUT', '/datasets/ada/iris', { columns, target: 'species' })
  await ask('POST', '/datasets/ada/iris/rows', irisRows())
  const asked = { algorithms: ['majority'], trials: 1 }
  const { execution } = await ask<{ execution: string }>('PUT', '/models/ada/iris', asked)
  while (!(await isServed(url, key))) await delay(100)
  const { id } = await ask<{ id: string }>('POST', '/models/ada/iris/predictions', flowers)
  const { batch } = await ask<{ batch: string }>('POST', '/models/ada/iris/batches', {})
  const alias = await ask<{ revision: number }>('GET', '/models/ada/iris/aliases/champion')
  const upload = { size: 6 * 1024 ** 2, partSize: 5 * 1024 ** 2 }
  const { uploadId } = await ask<{ uploadId: string }>('POST', '/datasets/ada/iris/uploads', upload)
  const names: Names = {
    user: ['ada', 'bob'],
    userID: ['ada'],
    dataset: ['iris', 'lilies'],
    version: [0],
    alias: ['champion'],
    name: [execution],
    id: [id, ...deadLetters],
    batch: [batch],
    uploadId: [uploadId],
    keyId: [spare.id],
    plan: ['gold'],
    'if-match': [`"${alias.revision}"`],
  }
  return { key, names }
}

async function isServed(url: string, key: string): Promise<boolean> {
  const response = await fetch(`${url}/models/ada/iris/predictions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(flowers),
  })
  return response.ok
}

/** A run whose key was lost on the way has shown nothing. */
async function stillAnswers(url: string, key: string, { name }: Names): Promise<void> {
  const response = await fetch(`${url}/executions/${name![0]}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  if (!response.ok) throw new Error(`the key is lost: ${response.status} ${await response.text()}`)
}

/** Three of four requests are about what is there; the others name what schemathesis makes up. */
function toml(names: Names): string {
  const bound = Object.keys(names).filter((name) => /^\w+$/.test(name))
  const lines = [
    `hooks = ${JSON.stringify(join(import.meta.dirname, 'schemathesis_hooks.py'))}`,
    '[checks]',
    'negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 416, 422, 429, 431]',
    '[parameters]',
    ...bound.map((name) => `"path.${name}" = { dictionary = "${name}", probability = 0.75 }`),
    ...bound.flatMap((name) => [
      `[dictionaries.${name}]`,
      `values = ${JSON.stringify(names[name])}`,
    ]),
  ]
  return `${lines.join('\n')}\n`
}

interface FuzzOptions {
  readonly name: string
  readonly url: string
  readonly configuration: string
  /** The id of the key that must not be revoked. */
  readonly keptKey: string
  /** What there is, by the parameters that name it. */
  readonly names: Names
  readonly key?: string
  readonly filter?: readonly string[]
}

interface Run {
  readonly name: string
  readonly exit: number | string
  readonly report: RunReport | undefined
}

/** What of the JSON report of schemathesis is read. */
interface RunReport {
  readonly running_time: number
  readonly complete: boolean
  readonly operations: { readonly selected: number; readonly tested: number }
  readonly test_cases: { readonly generated: number }
  readonly failures: readonly {
    readonly title: string
    readonly operations: readonly string[]
  }[]
  readonly errors: readonly { readonly title: string; readonly count: number }[]
}

async function fuzz(options: FuzzOptions): Promise<Run> {
  const { name, url, configuration, keptKey, names, key, filter = [] } = options
  const file = join(reports, `api-${name}.json`)
  mkdirSync(reports, { recursive: true })
  rmSync(file, { force: true })
  const authorization = key === undefined ? [] : ['--header', `Authorization: Bearer ${key}`]
  const child = spawn(
    join(binaries, 'schemathesis'),
    [
      ...['--config-file', configuration, '--no-color', 'run', `${url}/openapi.json`],
      ...['--phases', phases, '--max-examples', key === undefined ? '8' : '15'],
      ...['--continue-on-failure', '--no-shrink', '--seed', '7'],
      ...['--report', 'json', '--report-json-path', file],
      ...['--suppress-health-check', 'all', '--generation-database', 'none'],
      ...authorization,
      ...filter,
      ...process.argv.slice(2),
    ],
    {
      cwd: directory,
      env: {
        ...process.env,
        MILLRACE_KEPT_KEY: keptKey,
        MILLRACE_NAMES: JSON.stringify(names),
        MILLRACE_BODIES: JSON.stringify(bodies),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  const over = setTimeout(() => child.kill('SIGKILL'), patience)
  const exit = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'no exit code'))
  })
  clearTimeout(over)
  return { name, exit, report: readReport(file) }
}

function readReport(file: string): RunReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunReport
  } catch {
    return undefined
  }
}

/** Writes reports/api.json, an operation of a run as a test; answers whether all is well. */
function report(runs: readonly Run[]): boolean {
  const requests = runs.reduce((sum, run) => sum + (run.report?.test_cases.generated ?? 0), 0)
  const operations = runs.reduce((sum, run) => sum + (run.report?.operations.tested ?? 0), 0)
  const failed = new Set(
    runs.flatMap(({ name, report }) =>
      (report?.failures ?? []).flatMap((failure) =>
        failure.operations.map((one) => `${name} ${one}`),
      ),
    ),
  )
  const problems = [
    ...runs.flatMap(({ name, exit, report }) => {
      if (report === undefined) return [`${name}: no report (ended with ${exit})`]
      const { complete, errors, operations: counted } = report
      const untested = counted.selected - counted.tested
      return [
        ...(exit === 0 && complete ? [] : [`${name}: ended with ${exit}`]),
        ...(untested === 0 ? [] : [`${name}: ${untested} operations were not tested`]),
        ...errors.map(({ title, count }) => `${name}: ${title}, ${count} times`),
      ]
    }),
    ...(requests < leastRequests
      ? [`${requests} requests in all, where ${leastRequests} are the least`]
      : []),
  ]
  for (const problem of problems) console.error(`test:api: ${problem}`)
  console.log(
    `test:api: ${requests} requests, ${operations} operations, ${failed.size} of them with failures`,
  )
  const failures = Math.max(failed.size, problems.length > 0 ? 1 : 0)
  writeFileSync(
    join(reports, 'api.json'),
    JSON.stringify({
      numPassedTests: operations - failed.size,
      numFailedTests: failures,
      numFailedTestSuites: failures === 0 ? 0 : 1,
      numPendingTests: 0,
      requests,
    }),
  )
  return failures === 0
}

import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { globSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { emulatorEnvironment, startEmulator, type Emulator } from './emulator.ts'

/**
 * `npm run test:aws`: deploys the platform once, then runs every `*.aws.ts` file of the tests. Uses the
 * endpoint that AWS_ENDPOINT_URL names, or starts an emulator of its own and ends it. Arguments go to
 * vitest, as a part of a file's name.
 */
const root = dirname(import.meta.dirname)
const report = join(root, 'reports', 'aws.json')
const deployLog = join(root, 'reports', 'deploy.log')
const deployPatience = 900_000
const testPatience = 90 * 60_000

const started = performance.now()
const interrupt = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupt.abort(new Error(`ended by ${signal}`)))
}

let emulator: Emulator | undefined
try {
  emulator = await ownEmulator()
  const url = emulator?.url ?? process.env['AWS_ENDPOINT_URL']!
  const stack = process.env['MILLRACE_STACK'] ?? 'MillraceTest'
  const environment = {
    ...process.env,
    ...(emulator === undefined ? defaults(url) : emulatorEnvironment(url)),
    MILLRACE_STACK: stack,
  }
  await deploy(stack, environment)
  const told = seconds(performance.now() - started)
  console.log(`Deployed ${stack} to ${url} (${told} so far)`)
  const problems = await test(process.argv.slice(2), environment)
  for (const problem of problems) console.error(`test:aws: ${problem}`)
  if (problems.length > 0) process.exitCode = 1
} catch (error) {
  console.error(`test:aws: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await emulator?.stop()
  console.log(`test:aws took ${seconds(performance.now() - started)}`)
}

async function ownEmulator(): Promise<Emulator | undefined> {
  if ((process.env['AWS_ENDPOINT_URL'] ?? '') !== '') return undefined
  const own = await startEmulator(0, (line) => console.log(line))
  console.log(`Emulator at ${own.url}`)
  return own
}

/** What the environment says comes first; an emulator elsewhere takes any credentials too. */
function defaults(url: string): Record<string, string | undefined> {
  const given = Object.entries(process.env).filter(([, value]) => (value ?? '') !== '')
  return { ...emulatorEnvironment(url), ...Object.fromEntries(given) }
}

async function deploy(stack: string, environment: NodeJS.ProcessEnv): Promise<void> {
  mkdirSync(dirname(deployLog), { recursive: true })
  const log = openSync(deployLog, 'w')
  try {
    const bundler = join(root, 'platform', 'aws', 'bundle-functions.ts')
    const cli = join(root, 'test', 'cli', 'millrace.ts')
    const options = ['--stack', stack, '--context', 'removalPolicy=destroy', '--yes']
    await node([bundler], { environment, log, patience: deployPatience })
    await node([cli, 'deploy', ...options], { environment, log, patience: deployPatience })
  } catch (error) {
    console.error(readFileSync(deployLog, 'utf8'))
    throw error
  } finally {
    closeSync(log)
  }
}

/** Runs the tests; answers what is wrong with the run. */
async function test(filters: string[], environment: NodeJS.ProcessEnv): Promise<string[]> {
  rmSync(report, { force: true })
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', '--config', join(root, 'vitest.aws.config.ts'), ...filters]
  const problems: string[] = []
  await node(args, { environment, log: 'inherit', patience: testPatience }).catch(
    (error: unknown) => problems.push((error as Error).message),
  )
  return [...problems, ...notRun(filters)]
}

interface Report {
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** What of the tests of the tree did not run. */
function notRun(filters: readonly string[]): string[] {
  if (!existsSync(report)) return ['the tests left no reports/aws.json']
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  const ran = new Map(
    testResults.map(({ name, assertionResults }) => [relative(root, name), assertionResults]),
  )
  const files = globSync('test/**/*.aws.ts', { cwd: root }).filter(
    (file) => filters.length === 0 || filters.some((part) => file.includes(part)),
  )
  if (files.length === 0) return ['there are no tests to run']
  return files.toSorted().flatMap((file) => {
    const tests = ran.get(file) ?? []
    if (tests.length === 0) return [`${file} did not run`]
    return tests
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ status, fullName }) => `${file}: "${fullName}" did not run (${status})`)
  })
}

interface Run {
  readonly environment: NodeJS.ProcessEnv
  readonly log: number | 'inherit'
  /** Milliseconds, after which it is ended. */
  readonly patience: number
}

/** Runs a program on this Node, in a group of its own that is ended when it takes too long. */
async function node(args: string[], { environment, log, patience }: Run): Promise<void> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', log, log],
    detached: true,
  })
  const end = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'no exit code'))
  })
  const over = AbortSignal.any([interrupt.signal, AbortSignal.timeout(patience)])
  const stop = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  over.addEventListener('abort', stop)
  if (over.aborted) stop()
  const ended = await end
  over.removeEventListener('abort', stop)
  const name = args
    .slice(0, 2)
    .map((one) => relative(root, one))
    .join(' ')
  if (interrupt.signal.aborted) throw interrupt.signal.reason
  if (over.aborted) throw new Error(`${name} was ended after ${seconds(patience)}`)
  if (ended !== 0) throw new Error(`${name} ended with ${ended}`)
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

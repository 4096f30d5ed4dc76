import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { binaries, installPackage, venv } from './python.ts'

/**
 * The emulator of AWS that this project is tested on: installed into `.venv` when it is missing, bound
 * to this machine alone. `npm run emulator` runs it until Ctrl-C; `.ci/test-aws.ts` for its tests.
 */
const ministack = {
  name: 'ministack',
  extras: '[full]',
  version: '1.5.33',
  role: 'the emulator',
  otherwise:
    'Install it, or use another endpoint of AWS: start it yourself, set AWS_ENDPOINT_URL to its URL, ' +
    'and run npm run test:aws. LocalStack speaks the same API; it was not tried with this project.',
}
const startPatience = 180_000
const stopPatience = 10_000

export interface Emulator {
  /** http://127.0.0.1:<port> */
  readonly url: string
  /** Where it writes what it does. */
  readonly log: string
  /** Settles when it has ended, whyever. */
  readonly ended: Promise<void>
  /** Ends it, and what it started. */
  stop(): Promise<void>
}

/** Dummy credentials and what else a client needs to talk to an emulator at this address. */
export function emulatorEnvironment(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'us-east-1',
  }
}

/** Starts the emulator and waits until it is ready. Port 0 takes a free one. */
export async function startEmulator(port: number, tell: (line: string) => void): Promise<Emulator> {
  const url = `http://127.0.0.1:${port === 0 ? (port = await freePort()) : port}`
  if (await isHealthy(url)) throw new Error(`an emulator is running already at ${url}`)
  if (!(await isFree(port))) {
    throw new Error(`another program listens on port ${port}: end it, or give another --port`)
  }
  installPackage(ministack, tell)
  const log = join(venv, `emulator-${port}.log`)
  const output = openSync(log, 'w')
  const child = spawn(join(binaries, 'ministack'), [], {
    env: {
      ...withoutAws(process.env),
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: String(port),
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      // Each call of a function holds a thread until it ends, and what it asks for needs another one.
      MINISTACK_WORKER_THREADS: '512',
      // Each call at once is a process of its own, kept warm for five minutes: a burst of uploads would
      // fill the memory of a small machine. Beyond this number a call is refused as AWS refuses it, and
      // the workflows try it again.
      LAMBDA_ACCOUNT_CONCURRENCY: '110',
      LAMBDA_WARM_TTL_SECONDS: '5',
      // Lambda functions run on the first node of the path: the one that runs this.
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
    },
    stdio: ['ignore', output, output],
    // A group of its own: Ctrl-C is told to us alone, and what it starts ends with it.
    detached: true,
  })
  closeSync(output)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const emulator = { url, log, ended, stop: () => stop(child, ended) }
  try {
    await ready(url, child, log)
    return emulator
  } catch (error) {
    await emulator.stop()
    throw error
  }
}

async function ready(url: string, child: ChildProcess, log: string): Promise<void> {
  const until = Date.now() + startPatience
  while (!(await isHealthy(url))) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
      throw new Error(`the emulator ended at its start:\n${tailOf(log)}`)
    }
    if (Date.now() > until) {
      throw new Error(`the emulator is not ready after ${startPatience / 1000} s:\n${tailOf(log)}`)
    }
    await delay(100)
  }
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  signalGroup(child, 'SIGTERM')
  const isOver = await Promise.race([
    ended.then(() => true),
    delay(stopPatience, false, { ref: false }),
  ])
  // Whatever it left of its group, as a function that runs.
  signalGroup(child, 'SIGKILL')
  if (!isOver) await ended
}

/** Signals the process and those it started; none is left to signal where they have ended. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The emulator is no client of AWS: what is meant for one must not lead it elsewhere. */
function withoutAws(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('AWS_')),
  )
}

export async function isHealthy(url: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(2000)
    return (await fetch(`${url}/_ministack/health`, { signal })).ok
  } catch {
    return false
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    await listen(server, port)
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await listen(server, 0)
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
}

function tailOf(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-20).join('\n')
}

/** `npm run emulator -- --port 4567` */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '4566' } } })
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65535) throw new Error('--port takes 0 to 65535')
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve)
  })
  const emulator = await startEmulator(port, (line) => console.log(line))
  console.log(`Ready at ${emulator.url}, until Ctrl-C. In another terminal:\n`)
  for (const [name, value] of Object.entries(emulatorEnvironment(emulator.url))) {
    console.log(`export ${name}=${value}`)
  }
  console.log('npx millrace deploy\n')
  const isInterrupted = await Promise.race([
    interrupted.then(() => true),
    emulator.ended.then(() => false),
  ])
  if (!isInterrupted) throw new Error(`the emulator ended by itself:\n${tailOf(emulator.log)}`)
  console.log('Stopping; what was deployed is gone.')
  await emulator.stop()
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    console.error(`emulator: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

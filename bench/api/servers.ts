import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { irisNpy } from '../../test/fixtures/iris.ts'

/** A server under measurement, with its processes. */
export interface Server {
  readonly name: string
  readonly url: string
  /** Of its predictions. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Processor seconds that its processes have taken (Linux). */
  cpuSeconds(): number
  close(): Promise<void>
}

/** Our platform with a user, a key and two versions of a model. */
export interface Millrace extends Server {
  /** Runs a command against it, as `put`; answers what it printed. */
  run(...args: string[]): Promise<string>
  /** Of the HTTP API. */
  readonly operatorHeaders: Readonly<Record<string, string>>
  readonly origin: string
}

const body = JSON.stringify({ array: [6.5, 2.8, 4.6, 1.5] })
const json = { 'content-type': 'application/json' }
const ticksASecond = 100

/** With keys required, a plan that limits requests (beyond reach), and every prediction metered. */
export async function startMillrace({
  script,
  workers,
}: {
  script: string
  workers: number
}): Promise<Millrace> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const child = start(process.execPath, [
    ...[script, 'dev', '--auth', '--data-dir', dataDir, '--port', '0'],
    ...['--engine-port', '0', '--workers', String(workers)],
  ])
  const run = async (...args: string[]) =>
    (await promisify(execFile)(process.execPath, [script, ...args, '--data-dir', dataDir])).stdout
  const address = join(dataDir, 'platform.json')
  await until(async () => existsSync(address))
  const { url: origin } = JSON.parse(readFileSync(address, 'utf8')) as { url: string }
  const operatorKey = readFileSync(join(dataDir, 'operator.key'), 'utf8').trim()
  const operatorHeaders = { ...json, authorization: `Bearer ${operatorKey}` }
  const plan = {
    ...{ requestsPerSecond: 1e6, burst: 1e6, monthly: { predictions: 1e12, trainedRows: null } },
    prices: {
      ...{ currency: 'EUR', perThousandPredictions: 1 },
      ...{ perMillionTrainedRows: 1, perGigabyteMonth: 1 },
    },
  }
  const init = { method: 'PUT', headers: operatorHeaders, body: JSON.stringify(plan) }
  const planned = await fetch(`${origin}/plans/measured`, init)
  if (!planned.ok) throw new Error(await planned.text())
  await run('users', 'add', 'ada', '--plan', 'measured')
  const { key } = JSON.parse(
    await run('keys', 'create', 'ada', '--role', 'predictor', '--json'),
  ) as { key: string }
  const file = join(dataDir, 'iris.npy')
  await writeFile(file, irisNpy())
  const put = ['put', file, '--user', 'ada', '--watch']
  await run(...put, '--algorithm', 'svc')
  await run(...put, '--algorithm', 'majority')
  return {
    name: `millrace-${workers}-workers`,
    ...{ origin, url: `${origin}/prediction`, operatorHeaders, body, run },
    headers: { ...json, authorization: `Bearer ${key}` },
    cpuSeconds: () => cpuSeconds(child.pid!),
    async close() {
      await stop(child)
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** The same classifier behind FastAPI, as bench/peers has it. */
export async function startFastApi({
  python,
  workers,
  port,
}: {
  python: string
  workers: number
  port: number
}): Promise<Server> {
  const child = start(python, [
    ...['-m', 'uvicorn', 'fastapi_iris:app', '--app-dir', 'bench/peers'],
    ...['--workers', String(workers), '--port', String(port)],
    ...['--log-level', 'critical', '--no-access-log'],
  ])
  const url = `http://127.0.0.1:${port}/prediction`
  await until(async () => (await fetch(url, { method: 'POST', headers: json, body })).ok)
  return {
    ...{ name: `fastapi-${workers}-workers`, url, headers: json, body },
    cpuSeconds: () => cpuSeconds(child.pid!),
    close: () => stop(child),
  }
}

/** In a group of its own, which its descendants belong to. */
function start(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { detached: true, stdio: 'ignore' })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/** Of a process and its descendants. */
function cpuSeconds(group: number): number {
  let ticks = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      if (Number(fields[2]) === group) ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // The process ended while the list was read.
    }
  }
  return ticks / ticksASecond
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('a server did not answer within a minute')
}

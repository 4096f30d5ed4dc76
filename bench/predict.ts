import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { irisNpy } from '../test/fixtures/iris.ts'

/**
 * Predictions over HTTP against FastAPI and scikit-learn with 4 workers, in one interleaved run:
 *
 *   python -m venv .venv && .venv/bin/pip install fastapi uvicorn scikit-learn
 *   npm run build && node bench/predict.ts --python .venv/bin/python
 *
 * One JSON line a measure. The load shares the machine's cores with the servers, so requests a second
 * are bounded by the load itself; CPU time a request is of the servers' processes alone (Linux).
 */
const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const body = JSON.stringify({ array: [6.5, 2.8, 4.6, 1.5] })
const ticksASecond = 100

interface Server {
  readonly name: string
  readonly url: string
  readonly process: ChildProcess
  readonly requests: number[]
  readonly p99: number[]
  readonly cpu: number[]
  errors: number
}

const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const file = join(dataDir, 'iris.npy')
await writeFile(file, irisNpy())
const millrace = ['bin/millrace.js']
const servers = [
  start('millrace', 4671, process.execPath, [
    ...millrace,
    'dev',
    '--data-dir',
    dataDir,
    '--port',
    '4671',
  ]),
  start('fastapi-4-workers', 4672, values.python, [
    ...['-m', 'uvicorn', 'fastapi_iris:app', '--app-dir', 'bench/peers', '--workers', '4'],
    ...['--port', '4672', '--log-level', 'critical', '--no-access-log'],
  ]),
]
try {
  await until(async () => (await fetch('http://127.0.0.1:4671/health')).ok)
  await run(process.execPath, [...millrace, 'put', file, '--data-dir', dataDir, '--watch'])
  for (const server of servers) await until(async () => (await answer(server)).ok)
  for (const server of servers)
    emit('answer', server.name, await (await answer(server)).text(), 'body')
  for (let round = 0; round <= rounds; round++) {
    for (const server of servers) await load(server, round > 0)
  }
  const [ours, theirs] = servers as [Server, Server]
  for (const server of servers) {
    emit('predict.requests', server.name, median(server.requests), 'requests/s')
    emit('predict.p99', server.name, median(server.p99), 'ms')
    emit('predict.cpu', server.name, median(server.cpu), 'µs/request')
    emit('predict.errors', server.name, server.errors, 'count')
  }
  const ratio = (a: number[], b: number[]) => median(a) / median(b)
  emit('predict.requests.ratio', ours.name, ratio(ours.requests, theirs.requests), 'x')
  emit('predict.cpu.ratio', ours.name, ratio(theirs.cpu, ours.cpu), 'x')
} finally {
  for (const { process } of servers) process.kill('SIGTERM')
  await Promise.all(servers.map(({ process }) => new Promise((end) => process.once('exit', end))))
  await rm(dataDir, { recursive: true, force: true })
}

function start(name: string, port: number, command: string, args: string[]): Server {
  const child = spawn(command, args, { detached: true, stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}/prediction`
  return { name, url, process: child, requests: [], p99: [], cpu: [], errors: 0 }
}

async function load(server: Server, counts: boolean): Promise<void> {
  const before = cpuSeconds(server.process.pid!)
  const result = await autocannon({
    url: server.url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    connections: 32,
    duration: counts ? seconds : 2,
  })
  const used = cpuSeconds(server.process.pid!) - before
  if (!counts) return
  server.requests.push(result.requests.average)
  server.p99.push(result.latency.p99)
  server.cpu.push((used * 1e6) / result.requests.total)
  server.errors += result.non2xx + result.errors
}

/** CPU time of a process and its descendants, which are of its group: it was started detached. */
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

function answer({ url }: Server): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('a server did not answer within 30 s')
}

async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: 'ignore' })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}`)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}

function emit(measure: string, peer: string, value: number | string, unit: string): void {
  console.log(JSON.stringify({ measure, peer, value, unit }))
}

import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { irisNpy } from '../../test/fixtures/iris.ts'
import { median } from '../median.ts'

/**
 * What a prediction costs more for being monitored: CPU time of the server a request, with monitors and
 * with `--no-monitoring`, in interleaved rounds (Linux).
 *
 *   node bench/drift/monitoring.ts
 *
 * One JSON line a measure, with the medians; `share` is what monitoring adds.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    requests: { type: 'string', default: '20000' },
    port: { type: 'string', default: '4681' },
  },
})
const rounds = Number(values.rounds)
const requests = Number(values.requests)
const millisecondsOfTick = 10
const rows = [
  [6.5, 2.8, 4.6, 1.5],
  [5.1, 3.5, 1.4, 0.2],
  [6.3, 3.3, 6, 2.5],
]

interface Server {
  readonly name: 'monitored' | 'unmonitored'
  readonly url: string
  readonly process: ChildProcess
  readonly microseconds: number[]
}

/** The command without a build: Node takes the types away. */
const fromSources =
  "const { main } = await import('./cli/main.ts'); process.exitCode = await main(process.argv.slice(1))"

const directory = await mkdtemp(join(tmpdir(), 'millrace-monitoring-'))
const servers = [
  await start('monitored', Number(values.port), []),
  await start('unmonitored', Number(values.port) + 1, ['--no-monitoring']),
]
try {
  for (const server of servers) await warm(server)
  for (let round = 0; round < rounds; round++) {
    const inOrder = round % 2 === 0 ? servers : servers.toReversed()
    for (const server of inOrder) server.microseconds.push(await cpuOfRequest(server, requests))
  }
  const [monitored, unmonitored] = servers.map(({ microseconds }) => median(microseconds))
  report({
    measure: 'monitoring',
    requests,
    rounds,
    monitoredMicroseconds: monitored,
    unmonitoredMicroseconds: unmonitored,
    share: monitored! / unmonitored! - 1,
  })
} finally {
  for (const server of servers) {
    server.process.kill('SIGTERM')
    await new Promise((resolve) => server.process.once('exit', resolve))
  }
  await rm(directory, { recursive: true, force: true })
}

async function start(name: Server['name'], port: number, options: string[]): Promise<Server> {
  const dataDir = join(directory, name)
  await mkdir(join(dataDir, 'bucket/uploads/ada'), { recursive: true })
  await writeFile(join(dataDir, 'bucket/uploads/ada/iris.npy'), irisNpy())
  const command = ['dev', '--data-dir', dataDir, '--port', String(port), '--engine-port', '0']
  const args = ['--input-type=module', '-e', fromSources, ...command, ...options]
  const process_ = spawn(process.execPath, args, { stdio: 'ignore' })
  return { name, url: `http://127.0.0.1:${port}`, process: process_, microseconds: [] }
}

async function warm(server: Server): Promise<void> {
  const asked = () => post(server)
  for (let tries = 0; ; tries++) {
    const answer = await asked().catch(() => undefined)
    if (answer?.ok) break
    if (tries > 600) throw new Error(`${server.name} does not answer predictions`)
    await pause(100)
  }
  await cpuOfRequest(server, requests)
}

function post({ url }: Server): Promise<Response> {
  return fetch(`${url}/models/ada/iris/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: rows.slice(0, 1) }),
  })
}

/** Microseconds of CPU time a request, until all that follows the requests is done. */
async function cpuOfRequest(server: Server, amount: number): Promise<number> {
  const before = ticksOf(server)
  const result = await autocannon({
    url: `${server.url}/models/ada/iris/predictions`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    connections: 16,
    amount,
    requests: rows.map((row) => ({ body: JSON.stringify({ instances: [row] }) })),
  })
  if (result.non2xx > 0 || result.errors > 0) throw new Error('a prediction failed')
  // The log is read in batches, up to some seconds behind.
  for (let last = -1; last !== ticksOf(server); await pause(1500)) last = ticksOf(server)
  return ((ticksOf(server) - before) * millisecondsOfTick * 1000) / amount
}

/** CPU time of the server with its threads, in ticks. */
function ticksOf({ process: { pid } }: Server): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return Number(fields[11]) + Number(fields[12])
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function report(measure: object): void {
  process.stdout.write(`${JSON.stringify(measure)}\n`)
}

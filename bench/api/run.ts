import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../ml/data/index.ts'
import { npyOf } from '../../test/fixtures/iris.ts'
import { median } from '../median.ts'
import { generator, load, type LoadResult } from './load.ts'
import { startFastApi, startMillrace, type Millrace, type Server } from './servers.ts'

/**
 * The HTTP API under load, with keys and metering, against FastAPI and scikit-learn with 4 workers:
 *
 *   python -m venv .venv && .venv/bin/pip install fastapi 'uvicorn[standard]' scikit-learn
 *   npm run build && node bench/api/run.ts --python .venv/bin/python
 *
 * One JSON line a measure, medians of interleaved rounds. The load is made by wrk where it is on the
 * path, else by autocannon; it shares the machine's cores with the servers. Processor time is of the
 * servers' processes alone (Linux).
 */
const { values } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    millrace: { type: 'string', default: 'bin/millrace.js' },
    workers: { type: 'string', default: '2' },
    only: { type: 'string', default: 'predict,training,promotion,hold' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
    hold: { type: 'string', default: '60' },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const connections = Number(values.connections)
const workers = values.workers.split(',').map(Number)

/** What FastAPI reaches at most on two cores: what a platform that is not saturated may be asked. */
const steadyRate = 1000

for (const part of values.only.split(',')) {
  if (part === 'predict') await predict()
  else if (part === 'training') await whileTraining()
  else if (part === 'promotion') await whilePromoting()
  else if (part === 'hold') await hold()
  else throw new Error(`no part is called ${part}`)
}

async function predict(): Promise<void> {
  const ours = await Promise.all(
    workers.map((count) => startMillrace({ script: values.millrace, workers: count })),
  )
  const theirs = await startFastApi({ python: values.python, workers: 4, port: 4672 })
  const servers: readonly Server[] = [...ours, theirs]
  const measured = new Map<Server, (LoadResult & { cpu: number })[]>(servers.map((s) => [s, []]))
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const server of servers) {
        const before = server.cpuSeconds()
        const result = await load({ ...server, connections, seconds })
        const cpu = ((server.cpuSeconds() - before) * 1e6) / result.requests
        // The first round warms up.
        if (round > 0) measured.get(server)!.push({ ...result, cpu })
      }
    }
  } finally {
    for (const server of servers) await server.close()
  }
  const medianOf = (server: Server, of: 'requestsPerSecond' | 'p99' | 'cpu' | 'p50') =>
    median(measured.get(server)!.map((result) => result[of]))
  for (const server of servers) {
    emit('predict.requests', server.name, medianOf(server, 'requestsPerSecond'), 'requests/s')
    emit('predict.p50', server.name, medianOf(server, 'p50'), 'ms')
    emit('predict.p99', server.name, medianOf(server, 'p99'), 'ms')
    emit('predict.cpu', server.name, medianOf(server, 'cpu'), 'µs/request')
    emit('predict.errors', server.name, errorsOf(measured.get(server)!), 'count')
  }
  for (const one of ours) {
    const times = (of: 'requestsPerSecond' | 'p99' | 'cpu') =>
      medianOf(theirs, of) / medianOf(one, of)
    emit('predict.requests.ratio', one.name, 1 / times('requestsPerSecond'), 'x')
    emit('predict.p99.ratio', one.name, times('p99'), 'x')
    emit('predict.cpu.ratio', one.name, times('cpu'), 'x')
  }
}

/** A steady load on an idle platform and on one that trains, by turns. */
async function whileTraining(): Promise<void> {
  for (const count of workers) {
    const ours = await startMillrace({ script: values.millrace, workers: count })
    const steady = { ...ours, connections: 32, seconds, rate: steadyRate }
    const idle: LoadResult[] = []
    const training: LoadResult[] = []
    try {
      await load(steady)
      for (let round = 0; round < rounds; round++) {
        idle.push(await load(steady))
        await startTraining(ours, round)
        const result = await load(steady)
        // One that ended before the load did would have measured an idle platform.
        if ((await trainings(ours)).length > 0) training.push(result)
        await stopTraining(ours)
      }
    } finally {
      await ours.close()
    }
    const p99 = (results: readonly LoadResult[]) => median(results.map((result) => result.p99))
    emit('training.rounds', ours.name, training.length, 'count')
    emit('training.p99.idle', ours.name, p99(idle), 'ms')
    emit('training.p99', ours.name, p99(training), 'ms')
    emit('training.p99.ratio', ours.name, p99(training) / p99(idle), 'x')
    emit('training.requests', ours.name, median(training.map((r) => r.requestsPerSecond)), '/s')
    emit('training.errors', ours.name, errorsOf([...idle, ...training]), 'count')
  }
}

/** The champion moves between two versions while the load goes on. */
async function whilePromoting(): Promise<void> {
  for (const count of workers) {
    const ours = await startMillrace({ script: values.millrace, workers: count })
    try {
      let isOver = false
      const loaded = load({ ...ours, connections, seconds: 5 * seconds }).finally(() => {
        isOver = true
      })
      const answered = new Map<number, number>()
      let moves = 0
      for (let version = 1; !isOver; version = 1 - version) {
        await moveChampion(ours, version)
        moves++
        await pause(100)
        const { headers, body } = ours
        const answer = await fetch(ours.url, { method: 'POST', headers: { ...headers }, body })
        const seen = ((await answer.json()) as { version: number }).version
        answered.set(seen, (answered.get(seen) ?? 0) + 1)
      }
      const result = await loaded
      emit('promotion.moves', ours.name, moves, 'count')
      emit('promotion.versions', ours.name, answered.size, 'count')
      emit('promotion.requests', ours.name, result.requests, 'count')
      emit('promotion.errors', ours.name, result.errors, 'count')
    } finally {
      await ours.close()
    }
  }
}

async function hold(): Promise<void> {
  for (const count of workers) {
    const ours = await startMillrace({ script: values.millrace, workers: count })
    try {
      const result = await load({ ...ours, connections: 1000, seconds: Number(values.hold) })
      emit('hold.requests', ours.name, result.requestsPerSecond, 'requests/s')
      emit('hold.p99', ours.name, result.p99, 'ms')
      emit('hold.errors', ours.name, result.errors, 'count')
    } finally {
      await ours.close()
    }
  }
}

/** Of a dataset of its own, which takes much longer than a measurement. */
async function startTraining(ours: Millrace, round: number): Promise<void> {
  const random = seededRandom(round + 1)
  const rows = Array.from({ length: 40_000 }, () => {
    const row = Array.from({ length: 12 }, random)
    return [...row, row[0]! * row[1]! + Math.sin(6 * row[2]!) + random() / 4 > 1 ? 1 : 0]
  })
  const file = join(tmpdir(), `millrace-bench-${process.pid}-${round}.npy`)
  await writeFile(file, npyOf(rows))
  await ours.run('put', file, '--user', 'bob', '--algorithm', 'random-forest,gradient-boosting')
  await rm(file)
  await pause(1000)
}

/** The names of the trainings that are running. */
async function trainings({ origin, operatorHeaders }: Millrace): Promise<string[]> {
  const url = `${origin}/executions?workflow=training&status=RUNNING`
  const answer = await fetch(url, { headers: operatorHeaders })
  if (!answer.ok) throw new Error(await answer.text())
  return ((await answer.json()) as { executions: { name: string }[] }).executions.map(
    ({ name }) => name,
  )
}

async function stopTraining(ours: Millrace): Promise<void> {
  for (const name of await trainings(ours)) {
    const url = `${ours.origin}/executions/${name}/stop`
    await fetch(url, { method: 'POST', headers: ours.operatorHeaders, body: '{}' })
  }
  while ((await trainings(ours)).length > 0) await pause(100)
}

async function moveChampion({ origin, operatorHeaders }: Millrace, version: number): Promise<void> {
  const url = `${origin}/models/ada/iris/aliases/champion`
  const present = await fetch(url, { headers: operatorHeaders })
  const moved = await fetch(url, {
    method: 'PUT',
    headers: { ...operatorHeaders, 'if-match': present.headers.get('etag')! },
    body: JSON.stringify({ version, reason: 'measured' }),
  })
  if (!moved.ok) throw new Error(await moved.text())
}

function errorsOf(results: readonly LoadResult[]): number {
  return results.reduce((sum, { errors }) => sum + errors, 0)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function emit(measure: string, peer: string, value: number, unit: string): void {
  console.log(
    JSON.stringify({ measure, peer, value: Number(value.toPrecision(4)), unit, generator }),
  )
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPlatform } from '../platform/local/platform.ts'
import { training } from '../platform/local/training.ts'
import type { AnyTask } from '../tasks/task.ts'
import { noisyIrisNpy } from '../test/fixtures/iris.ts'
import { median } from './median.ts'

/**
 * From an object version written to its model served over HTTP (Iris, embedded): the whole time, and
 * what of it is not the tasks' own work (bus, engine, states, storage of histories, HTTP).
 *
 *   node bench/chain.ts [rounds]
 */
const rounds = Number(process.argv[2] ?? 30)
const working: [from: number, to: number][] = []
for (const task of training.tasks) {
  const run = task.run.bind(task)
  Object.assign(task, {
    run: async (...call: Parameters<AnyTask['run']>) => {
      const from = performance.now()
      const output = await run(...call)
      working.push([from, performance.now()])
      return output
    },
  })
}

const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const platform = await openPlatform({ dataDir })
const wholes: number[] = []
const besides: number[] = []
try {
  for (let round = 0; round < rounds; round++) {
    working.length = 0
    const dataset = `iris${round}`
    await platform.ports.objects.put(`uploads/bench/${dataset}.npy`, noisyIrisNpy(round))
    const written = performance.now()
    while (!(await isServed(dataset))) await new Promise((resolve) => setTimeout(resolve, 1))
    const whole = performance.now() - written
    if (round === 0) emit('chain.first', whole)
    else {
      wholes.push(whole)
      besides.push(whole - covered(working.filter(([from]) => from < written + whole)))
    }
  }
} finally {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
}
emit('chain.whole', median(wholes))
emit('chain.beside-tasks', median(besides))

async function isServed(dataset: string): Promise<boolean> {
  const response = await fetch(`${platform.url}/models/bench/${dataset}/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"instances": [[6.5, 2.8, 4.6, 1.5]]}',
  })
  await response.arrayBuffer()
  return response.ok
}

/** The time that at least one task was at work. */
function covered(intervals: readonly (readonly [number, number])[]): number {
  let total = 0
  let end = -Infinity
  for (const [from, to] of intervals.toSorted((a, b) => a[0] - b[0])) {
    total += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return total
}

function emit(measure: string, value: number): void {
  console.log(
    JSON.stringify({ measure, peer: 'millrace', value: Number(value.toFixed(2)), unit: 'ms' }),
  )
}

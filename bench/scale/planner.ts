import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { matrix, seededRandom } from '../../ml/data/index.ts'
import { GradientBoostingRegressor, RegressionPipeline } from '../../ml/models/index.ts'
import { systemClock } from '../../platform/local/observability.ts'
import { memoryPorts, runTask } from '../../platform/testing/index.ts'
import { planBatch } from '../../tasks/plan-batch.ts'
import { withManyRows } from '../../test/fixtures/batch.ts'
import { registerModel } from '../../test/fixtures/registered.ts'

/**
 * What it takes to plan a batch of very many rows: a `.npy` that is nowhere whole, whose bytes are made
 * as they are read. Each size in a process of its own; `peakBytes` is all of that process.
 *
 *   node bench/scale/planner.ts [--rows 10000000000] [--columns 20] [--range-rows N]
 *
 * One JSON line a size.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    columns: { type: 'string', default: '20' },
    'range-rows': { type: 'string' },
    child: { type: 'boolean', default: false },
  },
})
const columns = Number(values.columns)

if (values.child) await measure(Number(values.rows))
else for (const rows of values.rows?.split(',') ?? ['1e6', '1e8', '1e10']) inChild(rows)

function inChild(rows: string): void {
  const given = [...process.argv.slice(2), '--child', '--rows', rows]
  const args = [fileURLToPath(import.meta.url), ...given]
  process.stdout.write(execFileSync(process.execPath, args))
}

async function measure(rows: number): Promise<void> {
  const ports = { ...memoryPorts(), clock: systemClock }
  const model = { user: 'ada', dataset: 'large' }
  const featureNames = Array.from({ length: columns }, (_, j) => `feature_${j}`)
  const random = seededRandom(1)
  const X = matrix(Float64Array.from({ length: 500 * columns }, random), 500, columns)
  const y = Float64Array.from({ length: 500 }, random)
  const boosting = new RegressionPipeline(new GradientBoostingRegressor()).fit(X, y)
  await registerModel(ports, model, boosting, { featureNames })
  const key = 'inputs/ada/large/rows.npy'
  const before = await memoryOf()
  const start = performance.now()
  const asked = values['range-rows']
  const request = {
    model: 'ada/large',
    file: { key },
    format: 'npy',
    ...(asked === undefined ? {} : { rangeRows: Number(asked) }),
  }
  const given = withManyRows(ports, key, { rows, columns })
  const planned = await runTask(planBatch, { request, execution: 'planner' }, given)
  const seconds = (performance.now() - start) / 1000
  const { ranges, outcome } = planned as unknown as { ranges: number; outcome: string }
  const { peakBytes } = await memoryOf()
  const line = { measure: 'planner', rows, columns, outcome, ranges, seconds, peakBytes }
  process.stdout.write(`${JSON.stringify({ ...line, grownBytes: peakBytes - before.peakBytes })}\n`)
}

async function memoryOf(): Promise<{ peakBytes: number }> {
  await new Promise(setImmediate)
  return { peakBytes: process.resourceUsage().maxRSS * 1024 }
}

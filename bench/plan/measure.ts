import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { npyToMatrix, parseNpy } from '../../ml/data/index.ts'
import { lentBlockBytes, type UploadContent } from '../../tasks/dataset.ts'
import { fitCandidate } from '../../tasks/fit-candidate.ts'
import { lendSource } from '../../tasks/remote-source.ts'
import type { LearningTask } from '../../tasks/shapes.ts'
import { fitPoints, workflowPoints, type FitPoint } from './grid.ts'
import { makeData } from './made-data.ts'
import { ProcessCompute } from './process-compute.ts'
import { trainMeasured } from './train-measured.ts'

/**
 * Measures what the training's own jobs take, each in a fresh process: one JSON line a job, from which
 * `fit-rates.ts` makes `tasks/planning/rates.json`.
 *
 *   node bench/plan/measure.ts --out measured.jsonl [--only fits,workflows] [--algorithm svc] [--rounds 1]
 */
export interface Measurement {
  readonly job: string
  readonly algorithm: string
  readonly trials: number
  readonly task: LearningTask
  readonly format: 'npy' | 'csv'
  readonly bytes: number
  readonly rows: number
  readonly cols: number
  readonly classes: number
  readonly seconds: number
  readonly peakBytes: number
}

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    only: { type: 'string', default: 'fits,workflows' },
    algorithm: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
  },
})
const parts = values.only.split(',')
const isWanted = ({ algorithm }: FitPoint) =>
  values.algorithm === '' || values.algorithm.split(',').includes(algorithm)

for (let round = 0; round < Number(values.rounds); round++) {
  const fits = parts.includes('fits') ? fitPoints().filter(isWanted) : []
  for (const point of fits) await measureFit(point, round + 1)
  const whole = parts.includes('workflows') ? workflowPoints.filter(isWanted) : []
  for (const point of whole) await measureTraining(point, round + 1)
}

async function measureFit(point: FitPoint, seed: number): Promise<void> {
  const compute = new ProcessCompute()
  const bytes = makeData(point.data, seed)
  const { task, format } = point.data
  const sha256 = seed.toString(16).padStart(64, '7')
  const fit = (content: UploadContent) =>
    compute.run(fitCandidate, {
      ...content,
      form: { format, configuration: { task, trials: point.trials } },
      algorithm: point.algorithm,
      sha256,
      lineage: {},
    })
  const read = async (start: number, end: number) => bytes.subarray(start, end)
  const result =
    format === 'npy'
      ? await fit({ values: npyToMatrix(parseNpy(bytes)) })
      : await lendSource({ size: bytes.length, read }, lentBlockBytes, (source) => fit({ source }))
  if (result.outcome === 'skipped') throw new Error(result.reason)
  tell(point, bytes.length, compute)
}

async function measureTraining(point: FitPoint, seed: number): Promise<void> {
  const compute = new ProcessCompute()
  const bytes = makeData(point.data, seed)
  const { task, format } = point.data
  const { algorithm, trials } = point
  await trainMeasured(compute, bytes, format, { task, trials, algorithms: [algorithm] })
  tell(point, bytes.length, compute)
}

function tell({ algorithm, trials, data }: FitPoint, bytes: number, compute: ProcessCompute): void {
  const { task, format, rows, cols, classes } = data
  for (const { job, seconds, peakBytes, input } of compute.measured) {
    const measurement: Measurement = {
      job,
      algorithm: typeof input['algorithm'] === 'string' ? input['algorithm'] : algorithm,
      ...{ trials, task, format, bytes, rows, cols },
      classes: task === 'classification' ? classes : 1,
      ...{ seconds, peakBytes },
    }
    const line = JSON.stringify(measurement)
    if (values.out === undefined) console.log(line)
    else appendFileSync(values.out, `${line}\n`)
  }
}

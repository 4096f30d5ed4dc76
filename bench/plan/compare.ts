import { parseArgs } from 'node:util'
import { sketchDataset } from '../../tasks/planning/dataset-sketch.ts'
import type { Need } from '../../tasks/planning/places.ts'
import { planTraining } from '../../tasks/planning/training-plan.ts'
import { comparedDatasets, type ComparedDataset } from './compare-data.ts'
import { ProcessCompute, type MeasuredJob } from './process-compute.ts'
import { trainMeasured } from './train-measured.ts'

/**
 * What `millrace plan` says of six datasets beside what their training takes: the workflow's own tasks,
 * each job in a fresh process. One JSON line a dataset: processor seconds of all jobs and memory of the
 * largest, predicted and measured, and their ratio of each job.
 *
 *   node bench/plan/compare.ts --data FOLDER [--only iris,credit]
 */
const { values } = parseArgs({
  options: { data: { type: 'string' }, only: { type: 'string', default: '' } },
})

/** A whole processor, and nothing that ends. */
const place = { name: 'function', memoryBytes: 2 ** 36, seconds: null } as const
const states: Readonly<Record<string, string>> = {
  inspectUpload: 'Validate',
  judgeModels: 'Evaluate',
  compareUpload: 'CheckDrift',
  makeTrainingReports: 'Report',
}

for (const dataset of comparedDatasets(values.data)) {
  if (values.only === '' || values.only.split(',').includes(dataset.name)) await compare(dataset)
}

async function compare({ name, format, configuration, bytes }: ComparedDataset): Promise<void> {
  const file = bytes()
  const read = (start: number, end: number) => Promise.resolve(file.subarray(start, end))
  const sketch = await sketchDataset({ size: file.length, read }, format, configuration)
  const { steps, candidates } = planTraining(sketch, configuration, [place])
  const predicted = new Map<string, Need>([
    ...steps.map((step): [string, Need] => [step.state, step]),
    ...candidates.map((one): [string, Need] => [`Train ${one.algorithm}`, one]),
  ])
  const compute = new ProcessCompute()
  const { task } = sketch
  await trainMeasured(compute, file, format, { task, ...configuration })
  const jobs = compute.measured.map((job) => ({ state: stateOf(job), ...job }))
  const plans = jobs.map(({ state }) => predicted.get(state)!)
  const seconds = [sumOf(plans), sumOf(jobs)] as const
  const memory = [largestOf(plans), largestOf(jobs)] as const
  console.log(
    JSON.stringify({
      measure: `plan.${name}`,
      ...{ task, format, rows: sketch.rows, cols: sketch.cols, classes: sketch.classes },
      seconds: seconds.map((value) => rounded(value)),
      memoryMiB: memory.map((value) => Math.round(value / 2 ** 20)),
      ratio: { seconds: rounded(seconds[0] / seconds[1]), memory: rounded(memory[0] / memory[1]) },
      states: Object.fromEntries(
        jobs.map((job, i) => [
          job.state,
          {
            seconds: [rounded(plans[i]!.seconds), rounded(job.seconds)],
            memoryMiB: [plans[i]!, job].map(({ peakBytes }) => Math.round(peakBytes / 2 ** 20)),
          },
        ]),
      ),
    }),
  )
}

function stateOf({ job, input }: MeasuredJob): string {
  return states[job] ?? `Train ${input['algorithm'] as string}`
}

function sumOf(parts: readonly { readonly seconds: number }[]): number {
  return parts.reduce((sum, { seconds }) => sum + seconds, 0)
}

function largestOf(parts: readonly { readonly peakBytes: number }[]): number {
  return Math.max(...parts.map(({ peakBytes }) => peakBytes))
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

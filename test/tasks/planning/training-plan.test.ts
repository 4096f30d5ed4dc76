import { describe, expect, it } from 'vitest'
import { trainersOf } from '../../../ml/models/index.ts'
import type { Place } from '../../../platform/ports/index.ts'
import { memoryPorts } from '../../../platform/testing/index.ts'
import type { DatasetSketch } from '../../../tasks/planning/dataset-sketch.ts'
import { deployedFunctions } from '../../../tasks/planning/places.ts'
import { planTraining } from '../../../tasks/planning/training-plan.ts'
import { learningTask } from '../../../tasks/shapes.ts'
import type { TrainingConfiguration } from '../../../tasks/training-configuration.ts'
import { writeNpy } from '../../../ml/data/index.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import { train } from '../../fixtures/train.ts'

const gibibyte = 2 ** 30
const container: Place = { name: 'container', memoryBytes: 30 * gibibyte, seconds: 36_000 }

function sketch(rows: number, more: Partial<DatasetSketch> = {}): DatasetSketch {
  const { cols = 20 } = more
  const size = { format: 'npy', bytes: rows * (cols + 1) * 8, cols, encodedCols: cols } as const
  return { ...size, rows, task: 'classification', classes: 2, ...more }
}

const plan = (
  dataset: DatasetSketch,
  configuration: TrainingConfiguration = {},
  places: readonly Place[] = deployedFunctions,
) => planTraining(dataset, configuration, places)

const only = (dataset: DatasetSketch, algorithm: string, places?: readonly Place[], trials = 8) =>
  plan(dataset, { algorithms: [algorithm], trials }, places).candidates[0]!

describe('the plan of a training', () => {
  it('has every state with a function, in the order of the workflow', () => {
    const { steps, candidates, refusals } = plan(sketch(150, { cols: 4, classes: 3 }))
    expect(steps.map(({ state }) => state)).toEqual([
      ...['Claim', 'Validate', 'Evaluate', 'Register', 'CheckDrift', 'Promote'],
      ...['Announce', 'Report'],
    ])
    const raced = ['svc', 'logistic-regression', 'majority']
    expect(candidates.map(({ algorithm }) => algorithm)).toEqual(raced)
    expect(candidates.map(({ place }) => place!.name)).toEqual(raced.map(() => 'function'))
    expect(refusals).toEqual([])
  })

  const all = learningTask.options.flatMap((task) =>
    Object.keys(trainersOf(task)).map((algorithm) => [task, algorithm] as const),
  )
  it.each(all)('knows of %s by %s that more takes longer and more memory', (task, algorithm) => {
    const of = (rows: number, cols: number) => {
      const size = sketch(rows, { cols, encodedCols: cols, task, classes: 3 })
      return only(size, algorithm, [{ ...container, seconds: null }])
    }
    const [usual, longer, wider] = [of(600, 10), of(900, 10), of(600, 40)]
    expect(usual.seconds).toBeGreaterThan(0)
    expect(longer.seconds).toBeGreaterThan(usual.seconds)
    expect(wider.seconds).toBeGreaterThanOrEqual(usual.seconds)
    expect(longer.peakBytes).toBeGreaterThanOrEqual(usual.peakBytes)
    expect(usual.peakBytes).toBeGreaterThan(50 * 2 ** 20)
  })

  it('multiplies by the settings that are tried', () => {
    const [eight, eighty] = [8, 80].map((trials) =>
      only(sketch(20_000, { classes: 3 }), 'gradient-boosting', [container], trials),
    )
    expect(eighty!.seconds / eight!.seconds).toBeGreaterThan(4)
    expect(eighty!.seconds / eight!.seconds).toBeLessThan(10)
  })

  it('sends what outgrows a function to a container, and has no place for it where there is none', () => {
    const dataset = sketch(400_000, { classes: 12 })
    const asked = (places: readonly Place[]) => only(dataset, 'gradient-boosting', places, 40)
    expect(asked([...deployedFunctions, container]).place).toBe(container)
    const { place, reason } = asked(deployedFunctions)
    expect(place).toBeNull()
    expect(reason).toMatch(
      /^gradient-boosting on 300,000 rows × 20 columns takes about [\d.]+ (min|h), and a function has 15 min, a large function has 15 min: try fewer settings, take fewer rows, ask for another algorithm, or let the platform have containerTraining$/,
    )
  })

  it('leaves out what fits nowhere, and refuses where nothing else is left', () => {
    const dataset = sketch(400_000, { classes: 12 })
    const both = plan(dataset, {
      algorithms: ['gradient-boosting', 'logistic-regression'],
      trials: 40,
    })
    expect(both.refusals).toEqual([])
    const alone = plan(dataset, { algorithms: ['gradient-boosting'], trials: 40 })
    expect(alone.refusals).toEqual([{ code: 'TooLarge', message: alone.candidates[0]!.reason }])
  })

  it('takes the longest of what is learned side by side', () => {
    const { steps, candidates, seconds } = plan(sketch(5000))
    const longest = Math.max(...candidates.map((one) => one.seconds))
    const inOrder = steps.reduce((sum, one) => sum + one.seconds, 0)
    expect(candidates.length).toBeLessThanOrEqual(4)
    expect(seconds).toBeCloseTo(inOrder + longest)
  })

  it('refuses a file that functions cannot hold, by its size and by their memory', () => {
    const codes = (dataset: DatasetSketch) => plan(dataset).refusals.map(({ code }) => code)
    expect(codes(sketch(4_000_000, { bytes: 600 * 2 ** 20 }))).toContain('TooLarge')
    const csv = { format: 'csv', bytes: 500 * 2 ** 20 } as const
    expect(plan(sketch(3_000_000, { ...csv, cols: 80 })).refusals[0]!.message).toMatch(
      /^Validate of 500 MiB of \.csv takes about [\d.]+ GiB of memory, and a function has 2\.9 GiB: take fewer rows /,
    )
    const hasty: Place = { name: 'function', memoryBytes: 30 * gibibyte, seconds: 60 }
    expect(plan(sketch(3_000_000, csv), {}, [hasty]).refusals[0]!.message).toMatch(
      /^Validate of 500 MiB of \.csv takes about \d+ s, and a function has 60 s: save it as \.npy, /,
    )
    expect(codes(sketch(3_000_000, csv))).toEqual([])
    expect(codes(sketch(100_000))).toEqual([])
  })

  it('tells what is wrong with what is asked for', () => {
    const { refusals } = plan(sketch(1000), { algorithms: ['crystal-ball'] })
    expect(refusals).toEqual([expect.objectContaining({ code: 'AlgorithmUnknown' })])
  })
})

describe('validation', () => {
  const nowhere: Place = { name: 'function', memoryBytes: 64 * 2 ** 20, seconds: 900 }

  it('refuses with the words of the plan', async () => {
    const configuration = { algorithms: ['svc'] }
    const run = await train(memoryPorts({ places: [nowhere] }), 'uploads/ada/iris.npy', irisNpy(), {
      configuration,
    })
    const trainRows = /on (\d+) rows/.exec(JSON.stringify(run.output))![1]!
    const iris = sketch(150, { cols: 4, encodedCols: 4, classes: 3 })
    const { reason } = only(iris, 'svc', [nowhere])
    const words = reason!.replace(/on \d+ rows/, `on ${trainRows} rows`)
    expect(run.output).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code: 'TooLarge', message: words }, { code: 'TooLarge' }],
    })
  })

  it('sends a candidate to the place where it fits', async () => {
    const large: Place = { ...nowhere, name: 'large-function', memoryBytes: gibibyte }
    const configuration = { algorithms: ['majority'] }
    const ports = memoryPorts({ places: [nowhere, large] })
    const run = await train(ports, 'uploads/iris.npy', irisNpy(), { configuration })
    expect(run.states).toContain('FitLarge')
    expect(run.status).toBe('SUCCEEDED')
  })

  it('reads the header alone of what its function cannot hold', async () => {
    const ports = memoryPorts({ places: [nowhere] })
    const bytes = writeNpy({ data: new Float64Array(2_500_000), shape: [250_000, 10] })
    let read = 0
    const { objects } = ports
    const whole = objects.read.bind(objects)
    objects.read = async (...args) => {
      const found = await whole(...args)
      read += found.length
      return found
    }
    const run = await train(ports, 'uploads/large.npy', bytes)
    expect(run.output).toMatchObject({
      reasons: [
        {
          code: 'TooLarge',
          message: expect.stringMatching(/^Validate of 19 MiB of \.npy/) as string,
        },
      ],
    })
    // Claim reads all of it, block by block, for its digest.
    expect(read).toBeLessThan(bytes.length + 2 * 2 ** 20)
  })
})

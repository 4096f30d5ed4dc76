import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { learningTask, type LearningTask } from '../../tasks/shapes.ts'
import { defaultHeldOut } from '../../tasks/training-configuration.ts'
import {
  classesOf,
  costAt,
  costFormOf,
  termOf,
  type CostTerm,
  type FitSize,
  type Rate,
} from '../../tasks/planning/cost-terms.ts'
import {
  readSize,
  type AlgorithmRates,
  type FormatRates,
  type Rates,
  type ReadingStep,
  type StepRates,
} from '../../tasks/planning/rates.ts'
import { triedOf, workOf } from '../../tasks/planning/tuning-work.ts'
import type { Measurement } from './measure.ts'
import { fitRates } from './nonnegative.ts'

/**
 * Makes the planner's rates of what `measure.ts` measured, and tells how far they are from it.
 *
 *   node bench/plan/fit-rates.ts measured.jsonl… [--out tasks/planning/rates.json]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' } },
})
const measurements = positionals
  .flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
  .map((line) => JSON.parse(line) as Measurement)

const floors = new Set(['majority', 'mean'])
const readingForm = ['once', 'firstCells', 'rows', 'cells', 'scatteredTargets'] as const
const readingBytesForm = ['once', 'rows', 'cells'] as const
const fittingBytesForm = ['once', 'rows', 'cells', 'rowsByClass', 'columnsByClass'] as const
const jobOfStep: Readonly<Record<ReadingStep, string>> = {
  Validate: 'inspectUpload',
  Train: 'fitCandidate',
  Evaluate: 'judgeModels',
  CheckDrift: 'compareUpload',
  Report: 'makeTrainingReports',
}

const train = stepRates('Train', () => 0)
const algorithms = Object.fromEntries(
  learningTask.options.map((task) => [task, algorithmsOf(task)]),
) as Record<LearningTask, Record<string, AlgorithmRates>>
const fitSeconds = (m: Measurement) => costAt(algorithms[m.task][m.algorithm]!.defaults, learned(m))
const rates: Rates = {
  measured: {
    date: new Date().toISOString().slice(0, 10),
    machine: cpus()[0]!.model,
    node: process.version,
  },
  steps: {
    Validate: stepRates('Validate', () => 0),
    Train: train,
    Evaluate: stepRates('Evaluate', fitSeconds),
    CheckDrift: stepRates('CheckDrift', () => 0),
    Report: stepRates('Report', fitSeconds),
  },
  algorithms,
}
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(rates, null, 2)}\n`)

function stepRates(step: ReadingStep, fitOf: (m: Measurement) => number): StepRates {
  const all = measurements.filter(
    ({ job, algorithm }) => job === jobOfStep[step] && (step !== 'Train' || floors.has(algorithm)),
  )
  // Both formats share what the model takes: their rates are fitted together.
  const formats = ['npy', 'csv'] as const
  const rows = all.map((m) => [
    ...formats.flatMap((format) =>
      readingForm.map((term) =>
        m.format === format && isOf(step, term) ? termOf(term, fileSize(m)) : 0,
      ),
    ),
    fitOf(m),
  ])
  const found = fitRates(
    rows,
    all.map(({ seconds }) => seconds),
  )
  const rateOf = (k: number): Rate =>
    rateFrom(readingForm, found.slice(k * readingForm.length, (k + 1) * readingForm.length))
  const [npy, csv] = formats.map((format, k): FormatRates => {
    const of = all.filter((m) => m.format === format)
    const weights = of.map((m) => readingBytesForm.map((term) => termOf(term, fileSize(m))))
    const bytes = fitRates(
      weights,
      of.map(({ peakBytes }) => peakBytes),
    )
    return { seconds: rateOf(k), bytes: rateFrom(readingBytesForm, bytes) }
  })
  const fits = found.at(-1)!
  for (const m of all) {
    const { seconds, bytes } = m.format === 'npy' ? npy! : csv!
    const predicted = costAt(seconds, fileSize(m)) + fits * fitOf(m)
    tell(step, m, predicted, costAt(bytes, fileSize(m)))
  }
  return { npy: npy!, csv: csv!, fits: Number(fits.toPrecision(4)) }
}

/** Evaluate alone draws rows, for the interval of its difference. */
function isOf(step: ReadingStep, term: CostTerm): boolean {
  return step === 'Evaluate' || term !== 'scatteredTargets'
}

function algorithmsOf(task: LearningTask): Record<string, AlgorithmRates> {
  const fits = measurements.filter((m) => m.job === 'fitCandidate' && m.task === task)
  const names = [...new Set(fits.map(({ algorithm }) => algorithm))]
  return Object.fromEntries(
    names.map((algorithm) => {
      const own = fits.filter((m) => m.algorithm === algorithm)
      const plain = own.filter((m) => triedOf(algorithm, task, m.trials) === 1)
      const searched = own.filter((m) => triedOf(algorithm, task, m.trials) > 1)
      const defaults = fittingRate(algorithm, plain)
      const tuned = searched.length === 0 ? defaults : fittingRate(algorithm, searched)
      const npy = own.filter(({ format }) => format === 'npy')
      // What a CSV takes to be read hides what its fit takes.
      const bytes = bytesRate(npy.length > 0 ? npy : own)
      for (const m of own) {
        const rate = triedOf(algorithm, task, m.trials) === 1 ? defaults : tuned
        const reading = costAt(train[m.format].bytes, fileSize(m))
        const peak = Math.max(reading, costAt(bytes, learned(m)))
        tell(algorithm, m, readingSeconds(m) + fittingSeconds(rate, m), peak)
      }
      return [algorithm, { defaults, tuned, bytes }]
    }),
  )
}

function fittingRate(algorithm: string, own: readonly Measurement[]): Rate {
  const form = costFormOf(algorithm)
  const rows = own.map((m) => {
    const tried = triedOf(algorithm, m.task, m.trials)
    return form.map((term) => workOf(term, learned(m), tried))
  })
  const found = fitRates(
    rows,
    own.map(({ seconds }) => seconds),
    own.map(readingSeconds),
  )
  return rateFrom(form, found)
}

function bytesRate(own: readonly Measurement[]): Rate {
  const rows = own.map((m) => fittingBytesForm.map((term) => termOf(term, learned(m))))
  return rateFrom(
    fittingBytesForm,
    fitRates(
      rows,
      own.map(({ peakBytes }) => peakBytes),
    ),
  )
}

function readingSeconds(m: Measurement): number {
  return costAt(train[m.format].seconds, fileSize(m))
}

function fittingSeconds(rate: Rate, m: Measurement): number {
  const tried = triedOf(m.algorithm, m.task, m.trials)
  return Object.entries(rate).reduce(
    (sum, [term, value]) => sum + value * workOf(term as CostTerm, learned(m), tried),
    0,
  )
}

/** The rows that are not held out. */
function learned({ task, rows, cols, classes }: Measurement): FitSize {
  return { rows: rows * (1 - defaultHeldOut), cols, classes: classesOf(task, classes) }
}

function fileSize({ task, format, bytes, rows, cols, classes }: Measurement): FitSize {
  return readSize({ format, bytes, rows, cols, classes: classesOf(task, classes) })
}

function rateFrom(form: readonly CostTerm[], found: readonly number[]): Rate {
  const rounded = form.map((term, j) => [term, Number(found[j]!.toPrecision(4))] as const)
  return Object.fromEntries(rounded.filter(([, value]) => value > 0))
}

function tell(what: string, m: Measurement, seconds: number, bytes: number): void {
  const ratio = (predicted: number, measured: number) => (predicted / measured).toFixed(2)
  const { task, rows, cols, classes, format, trials } = m
  console.log(
    [
      what.padEnd(20),
      `${task} ${format} ${rows}x${cols} k${classes} t${trials}`.padEnd(44),
      `${m.seconds.toFixed(2)} s x${ratio(seconds, m.seconds)}`.padEnd(20),
      `${(m.peakBytes / 2 ** 20).toFixed(0)} MiB x${ratio(bytes, m.peakBytes)}`,
    ].join(' '),
  )
}

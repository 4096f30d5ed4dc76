import type { LearningTask } from '../shapes.ts'
import { costAt, type CostTerm, type FitSize, type Rate } from './cost-terms.ts'
import type { Need } from './places.ts'
import measuredRates from './rates.json' with { type: 'json' }
import { triedOf, workOf } from './tuning-work.ts'

/** What `bench/plan` measured: processor seconds and bytes, in the terms of each cost. */
export interface Rates {
  readonly measured: {
    /** ISO 8601. */
    readonly date: string
    readonly machine: string
    readonly node: string
  }
  /** Of the states that read the upload; of Train without what its algorithm takes. */
  readonly steps: Readonly<Record<ReadingStep, StepRates>>
  readonly algorithms: Readonly<Record<LearningTask, Readonly<Record<string, AlgorithmRates>>>>
}

export const readingSteps = ['Validate', 'Train', 'Evaluate', 'CheckDrift', 'Report'] as const
export type ReadingStep = (typeof readingSteps)[number]

export interface StepRates {
  readonly npy: FormatRates
  readonly csv: FormatRates
  /** Fits of the model to all rows that the step takes as long as, for what it predicts by it. */
  readonly fits: number
}

export interface FormatRates {
  readonly seconds: Rate
  readonly bytes: Rate
}

export interface AlgorithmRates {
  /** Of one fit at its defaults, judged on the rows of a fold. */
  readonly defaults: Rate
  /** Of one fit while it is tuned, on average. */
  readonly tuned: Rate
  /** Of the process at its highest. */
  readonly bytes: Rate
}

/** The measured rates. */
export const rates: Rates = measuredRates

/** What is read. */
export interface FileSize extends FitSize {
  readonly format: 'npy' | 'csv'
  /** Of the file. */
  readonly bytes: number
}

/** What a state takes to read an upload and do its part, without what models take. */
export function readingNeed(step: ReadingStep, file: FileSize): Need {
  const { seconds, bytes } = rates.steps[step][file.format]
  const size = readSize(file)
  return { seconds: costAt(seconds, size), peakBytes: costAt(bytes, size), readBytes: file.bytes }
}

/** A cell of long text counts by its bytes, as so many of the usual length. */
export function readSize({ format, bytes, ...size }: FileSize): FitSize {
  if (format === 'npy') return size
  return { ...size, cols: Math.max(size.cols, bytes / usualCellBytes / Math.max(1, size.rows)) }
}

/** Of a number with its comma. */
const usualCellBytes = 8

/** What fitting takes: all of a candidate's tuning, judging and its last fit. */
export function fittingNeed(
  algorithm: string,
  task: LearningTask,
  size: FitSize,
  trials: number,
): Need {
  const found = ratesOf(algorithm, task)
  const tried = triedOf(algorithm, task, trials)
  const rate = tried === 1 ? found.defaults : found.tuned
  const seconds = Object.entries(rate).reduce(
    (sum, [term, value]) => sum + value * workOf(term as CostTerm, size, tried),
    0,
  )
  return { seconds, peakBytes: costAt(found.bytes, size) }
}

/** The processor seconds of one fit to all rows at its defaults. */
export function oneFitSeconds(algorithm: string, task: LearningTask, size: FitSize): number {
  return costAt(ratesOf(algorithm, task).defaults, size)
}

function ratesOf(algorithm: string, task: LearningTask): AlgorithmRates {
  const known = rates.algorithms[task]
  if (Object.hasOwn(known, algorithm)) return known[algorithm]!
  throw new RangeError(`there are no rates of ${algorithm} for ${task}: measure them by bench/plan`)
}

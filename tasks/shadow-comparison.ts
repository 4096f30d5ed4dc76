import { bootstrapMeans, bootstrapRoots } from '../ml/models/index.ts'
import { defineJob, isMillraceError } from '../platform/ports/index.ts'
import type { LabelledInstance } from './labelled-rows.ts'
import { openModel } from './model-artifact.ts'
import type { Label } from './prediction-records.ts'

/** How far the answers of two versions to one row were from its label. */
export interface ShadowRow {
  /** 0 or 1 of a class; of a quantity the distance. */
  readonly present: number
  readonly former: number
}

/** A row that the present champion answered, with its label. */
export interface AnsweredRow extends LabelledInstance {
  /** What the present champion answered. */
  readonly predicted: Label
}

export interface ShadowScores {
  /** In the order of what was asked; null for a row that the former champion cannot answer. */
  readonly rows: readonly (ShadowRow | null)[]
}

/** Asks the former champion, by its model file, what it would have answered. */
export const askShadow = defineJob(
  import.meta.url,
  'askShadow',
  ({ file, rows }: { file: Uint8Array; rows: readonly AnsweredRow[] }): ShadowScores => {
    const former = openModel(file)
    const lossOf = former.task === 'regression' ? distanceOf : wrongOf
    return {
      rows: rows.map(({ instance, label, predicted }) => {
        if (instance.length !== former.featureNames.length) return null
        const answer = answerOf(former, instance)
        return answer === null
          ? null
          : { present: lossOf(predicted, label), former: lossOf(answer, label) }
      }),
    }
  },
)

/** What two versions lose on the same rows. */
export interface ShadowComparison {
  readonly rows: number
  /** The share of wrong answers, or the root mean squared error. */
  readonly present: number
  readonly former: number
  /** Of the difference, present less former: above 0 the present one is worse. */
  readonly lower: number
  readonly upper: number
}

export interface ShadowQuestion {
  readonly rows: readonly ShadowRow[]
  readonly task: 'classification' | 'regression'
  readonly seed: number
  /** 0.95 or 0.999: how much of the bootstrap's differences the interval has. */
  readonly confidence: 0.95 | 0.999
}

/** Holds two versions against each other by the paired bootstrap. */
export const compareShadow = defineJob(
  import.meta.url,
  'compareShadow',
  ({ rows, task, seed, confidence }: ShadowQuestion): ShadowComparison => {
    const isClassification = task === 'classification'
    const losses = (of: 'present' | 'former') =>
      Float64Array.from(rows, (row) => (isClassification ? row[of] : row[of] ** 2))
    const [present, former] = [losses('present'), losses('former')]
    const score = (values: Float64Array) => {
      const mean = values.reduce((sum, value) => sum + value / values.length, 0)
      return isClassification ? mean : Math.sqrt(mean)
    }
    const interval = isClassification ? bootstrapMeans : bootstrapRoots
    const [lower, upper] = interval(present, former, seed, intervals[confidence])
    return { rows: rows.length, present: score(present), former: score(former), lower, upper }
  },
)

/** An end beyond which 1 of 2,000 lies takes many more of them to be told. */
const intervals = {
  0.95: { tail: 0.025, resamples: 2000 },
  0.999: { tail: 0.0005, resamples: 20_000 },
} as const

/** The squares of larger distances, and their sums, are no numbers. */
const maxDistance = 1e150

function wrongOf(answer: Label, label: Label): number {
  return answer === label ? 0 : 1
}

function distanceOf(answer: Label, label: Label): number {
  return Math.min(Math.abs(Number(answer) - Number(label)), maxDistance)
}

function answerOf(
  model: ReturnType<typeof openModel>,
  instance: LabelledInstance['instance'],
): Label | null {
  try {
    return model.predict([instance]).predictions[0]!
  } catch (error) {
    if (isMillraceError(error, 'InstancesInvalid')) return null
    throw error
  }
}

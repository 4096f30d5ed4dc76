import { checkWeights } from './checks.ts'
import type { FitOptions } from './classifier.ts'
import { ModelError } from './errors.ts'
import type { OptionSpec } from './options.ts'

/** `'none'`, `'balanced'`, or a weight a class in the order of the classes. */
export type ClassWeight = 'none' | 'balanced' | readonly number[]

export const classWeightOption = {
  default: 'none',
  choices: ['none', 'balanced'],
  weights: { above: 0, to: 1e12 },
  meaning:
    "what the rows of each class count: 'balanced' makes every class count the same, as rows / " +
    '(classes × rows of the class); a list has a weight for each class, ascending',
} as const satisfies OptionSpec

/**
 * What each row counts: its own weight times that of its class, or `undefined` when every row counts
 * 1. Throws OptionInvalid when there is not a weight for each class, OneClass when all rows of a class
 * have the weight 0.
 */
export function rowWeights(
  classWeight: ClassWeight,
  labels: Int32Array,
  classCount: number,
  options: FitOptions,
  algorithm: string,
): Float64Array | undefined {
  if (classWeight === 'none' && options.sampleWeight === undefined) return undefined
  const owner = { algorithm, acceptsWeights: true }
  const weights = checkWeights(options.sampleWeight, labels.length, owner)
  const sums = new Array<number>(classCount).fill(0)
  labels.forEach((label, i) => (sums[label]! += weights[i]!))
  if (sums.includes(0)) {
    throw new ModelError('OneClass', 'every row of a class has the weight 0: drop the class')
  }
  if (classWeight === 'none') return weights
  const ofClass = classWeight === 'balanced' ? balanced(sums) : classWeight
  if (ofClass.length !== classCount) {
    throw new ModelError(
      'OptionInvalid',
      `${algorithm}: option classWeight has ${ofClass.length} weights for ${classCount} classes`,
    )
  }
  for (let i = 0; i < weights.length; i++) weights[i]! *= ofClass[labels[i]!]!
  return weights
}

/** @param sums of the weights of each class's rows */
function balanced(sums: readonly number[]): number[] {
  const whole = sums.reduce((total, sum) => total + sum, 0)
  return sums.map((sum) => whole / (sums.length * sum))
}

import { classWeightOption, type ClassWeight } from '../class-weight.ts'
import type { OptionTable } from '../options.ts'

export interface SVCOptions {
  C?: number
  kernel?: 'rbf' | 'linear'
  gamma?: 'scale' | 'auto' | number
  tol?: number
  shrinking?: boolean
  cacheSize?: number
  maxIter?: number
  classWeight?: ClassWeight
  probability?: boolean
  seed?: number
  decisionFunctionShape?: 'ovr' | 'ovo'
}

export const svcOptions = {
  C: {
    default: 1,
    number: { above: 0, to: 1e12 },
    meaning: 'weight of the errors against the width of the margin',
  },
  kernel: { default: 'rbf', choices: ['rbf', 'linear'], meaning: 'the kernel' },
  gamma: {
    default: 'scale',
    choices: ['scale', 'auto'],
    number: { above: 0, to: 1e12 },
    meaning:
      "the rbf kernel is exp(-gamma ‖a - b‖²); 'scale' is 1 / (columns × variance of all values), " +
      "'auto' is 1 / columns",
  },
  tol: {
    default: 1e-3,
    number: { from: 1e-10, to: 1 },
    meaning: 'the largest violation of the optimality conditions that may be left',
  },
  shrinking: {
    default: true,
    boolean: true,
    meaning: 'whether rows at rest are put aside while it learns; the machine is the same',
  },
  cacheSize: {
    default: 200,
    number: { above: 0, to: 16_384 },
    meaning:
      'megabytes for rows of the kernel matrix while it learns, of which some 4,000 can be used',
  },
  maxIter: {
    default: 10_000_000,
    number: { from: 1, to: Number.MAX_SAFE_INTEGER, integer: true },
    meaning: 'steps a pair of classes, after which the fit throws NotConverged',
  },
  classWeight: classWeightOption,
  probability: {
    default: false,
    boolean: true,
    meaning: 'whether it learns probabilities too, which takes five more fits of each pair',
  },
  seed: {
    default: 0,
    number: { from: -(2 ** 31), to: 2 ** 32 - 1, integer: true },
    meaning: 'seed of the folds by which probabilities are learned',
  },
  decisionFunctionShape: {
    default: 'ovr',
    choices: ['ovr', 'ovo'],
    meaning: 'a decision a class (ovr) or a pair of classes (ovo)',
  },
} as const satisfies OptionTable

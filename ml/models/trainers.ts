import type { Classifier } from './classifier.ts'
import { ModelError } from './errors.ts'
import {
  LogisticRegression,
  logisticRegressionOptions,
  type LogisticRegressionOptions,
} from './logistic-regression.ts'
import { MajorityBaseline, majorityOptions } from './majority-baseline.ts'
import { MlSvm, mlSvmOptions, mlSvmRowCap, type MlSvmOptions } from './ml-svm-adapter.ts'
import { resolveOptions, type OptionTable, type OptionValue } from './options.ts'
import { Pipeline } from './pipeline.ts'
import { SVC, svcOptions, type SVCOptions } from './svc.ts'

/** A way to learn a model, by name. */
export interface Trainer {
  readonly name: string
  /** For people. */
  readonly title: string
  readonly task: 'classification'
  /** The most rows that it learns from in a useful time; more are RowCapExceeded. */
  readonly rowCap: number
  /** Hyperparameters: defaults, ranges and meanings. */
  readonly options: OptionTable
  /**
   * A model yet to be fitted, which scales its features where that helps. The seed is a 32-bit
   * integer; most trainers have no use for it. Throws OptionInvalid, naming what is known.
   */
  create(hyperparameters?: Readonly<Record<string, OptionValue>>, seed?: number): Pipeline
}

const { C, gamma, tol, cacheSize, maxIter } = svcOptions

const table: readonly Trainer[] = [
  trainer<SVCOptions>({
    name: 'svc',
    title: 'Support vector machine, rbf kernel',
    rowCap: 20_000,
    scale: true,
    options: { C, gamma, tol, cacheSize, maxIter },
    create: (options) => new SVC({ ...options, kernel: 'rbf' }),
  }),
  trainer<SVCOptions>({
    name: 'svc-linear',
    title: 'Support vector machine, linear kernel',
    rowCap: 10_000,
    scale: true,
    options: { C, tol, cacheSize, maxIter },
    create: (options) => new SVC({ ...options, kernel: 'linear' }),
  }),
  trainer<LogisticRegressionOptions>({
    name: 'logistic-regression',
    title: 'Multinomial logistic regression',
    rowCap: 5_000_000,
    scale: true,
    options: logisticRegressionOptions,
    create: (options) => new LogisticRegression(options),
  }),
  trainer<Record<string, never>>({
    name: 'majority',
    title: 'Most frequent class',
    rowCap: 100_000_000,
    scale: false,
    options: majorityOptions,
    create: (options) => new MajorityBaseline(options),
  }),
  trainer<MlSvmOptions>({
    name: 'ml-svm',
    title: 'Support vector machine of the npm package ml-svm',
    rowCap: mlSvmRowCap,
    scale: false,
    options: {
      C: mlSvmOptions.C,
      kernel: mlSvmOptions.kernel,
      sigma: mlSvmOptions.sigma,
      tol: mlSvmOptions.tol,
      maxPasses: mlSvmOptions.maxPasses,
      maxIter: mlSvmOptions.maxIter,
    },
    create: (options, seed) => new MlSvm({ ...options, seed }),
  }),
]

/** Every trainer by its name. Names from outside go through `trainerNamed`. */
export const trainers: Readonly<Record<string, Trainer>> = Object.freeze(
  Object.fromEntries(table.map((entry) => [entry.name, entry])),
)

/** The trainer of this name. Throws OptionInvalid, which lists the known ones. */
export function trainerNamed(name: string): Trainer {
  const found = table.find((entry) => entry.name === name)
  if (!found) {
    const known = table.map((entry) => entry.name).join(', ')
    const shown = JSON.stringify(String(name).slice(0, 60))
    throw new ModelError('OptionInvalid', `unknown algorithm ${shown}; known are: ${known}`)
  }
  return found
}

export interface Candidates {
  /** Trainers to race, the floor last. */
  readonly names: readonly string[]
  /** Trainers left out, why, and which of `names` stands in. */
  readonly leftOut: readonly { name: string; reason: string; instead: string }[]
}

/** Which trainers to race on a classification of this size when none is asked for. */
export function defaultCandidates(rows: number, cols: number): Candidates {
  const [kernelMachine, linear, floor] = ['svc', 'logistic-regression', 'majority'] as const
  const { rowCap } = trainerNamed(kernelMachine)
  if (rows <= rowCap) return { names: [kernelMachine, linear, floor], leftOut: [] }
  const reason = `${rows} × ${cols} is over the ${rowCap} rows that ${kernelMachine} learns from`
  return {
    names: [linear, floor],
    leftOut: [{ name: kernelMachine, reason, instead: linear }],
  }
}

function trainer<Options>(entry: {
  name: string
  title: string
  rowCap: number
  scale: boolean
  options: OptionTable
  create: (options: Required<Options>, seed: number) => Classifier
}): Trainer {
  const { name, title, rowCap, options, scale } = entry
  return {
    name,
    title,
    task: 'classification',
    rowCap,
    options,
    create: (hyperparameters = {}, seed = 0) => {
      const resolved = resolveOptions<Options>(name, options, hyperparameters as Partial<Options>)
      return new Pipeline(entry.create(resolved, seed), { scale, rowCap })
    },
  }
}

import type { Matrix } from '../data/matrix.ts'
import { checkFeatures, checkTargets, largestMagnitude } from './checks.ts'
import type { FitOptions } from './classifier.ts'
import { ModelError } from './errors.ts'
import { resolveOptions, type OptionTable, type Parameters } from './options.ts'
import type { Regressor } from './regressor.ts'
import type { LoadedTensors, Tensors } from './tensors.ts'
import { valueFunctionNames, valueFunctions, type ValueFunction } from './value-functions.ts'

export interface TransformedTargetOptions {
  func?: ValueFunction
}

export const transformedTargetOptions = {
  func: {
    default: 'log',
    choices: valueFunctionNames,
    meaning: 'what the target goes through before the regressor learns it',
  },
} as const satisfies OptionTable

/** The regressor's own options, tensors and name stand under this in a model file. */
const inner = 'regressor'

/**
 * Another regressor over a function of the target; its answers go through the inverse. With `log`
 * it learns ratios: a price that is 10% off counts the same for a small one and a great one. Answers
 * are kept within ±1e140.
 *
 *     new TransformedTarget(new LinearRegression(), { func: 'log' }).fit(X, price)
 *
 * The constructor throws OptionInvalid; `fit` ValueNotFinite for a target outside of the function's
 * domain, and what the regressor throws.
 */
export class TransformedTarget implements Regressor {
  readonly algorithm = 'transformed-target'
  readonly regressor: Regressor
  readonly #options: Required<TransformedTargetOptions>

  constructor(regressor: Regressor, options: TransformedTargetOptions = {}) {
    this.regressor = regressor
    this.#options = resolveOptions('TransformedTarget', transformedTargetOptions, options)
  }

  /** @param load makes the regressor of this name from its tensors and parameters */
  static fromTensors(
    tensors: LoadedTensors,
    parameters: Parameters,
    load: (algorithm: string, tensors: LoadedTensors, parameters: Parameters) => Regressor,
  ): TransformedTarget {
    const { [inner]: algorithm, ...rest } = parameters
    const entries = Object.entries(rest)
    const own = Object.fromEntries(entries.filter(([name]) => !name.startsWith(`${inner}.`)))
    const stray = [...tensors.keys()].find((name) => !name.startsWith(`${inner}.`))
    if (stray !== undefined) {
      throw new ModelError('ModelFileInvalid', `unknown tensor ${JSON.stringify(stray)}`)
    }
    const regressor = load(
      String(algorithm),
      new Map(unprefixed(tensors)),
      Object.fromEntries(unprefixed(entries)),
    )
    return new TransformedTarget(regressor, own)
  }

  get parameters(): Parameters {
    return {
      ...this.#options,
      [inner]: this.regressor.algorithm,
      ...prefixed(this.regressor.parameters),
    }
  }

  get featureCount(): number {
    return this.regressor.featureCount
  }

  get acceptsMissing(): boolean {
    return this.regressor.acceptsMissing === true
  }

  fit(X: Matrix, y: ArrayLike<number>, options?: FitOptions): this {
    checkFeatures(X, undefined, this.acceptsMissing)
    const { func } = this.#options
    const targets = checkTargets(y, X.rows).map(valueFunctions[func].apply)
    const broken = targets.findIndex((value) => !Number.isFinite(value))
    if (broken >= 0) {
      throw new ModelError(
        'ValueNotFinite',
        `the target of row ${broken} is ${y[broken]}, whose ${func} is ${targets[broken]}`,
      )
    }
    this.regressor.fit(X, targets, options)
    return this
  }

  predict(X: Matrix): Float64Array {
    const predicted = this.regressor.predict(X)
    for (let i = 0; i < predicted.length; i++) predicted[i] = this.#answer(predicted[i]!)
    return predicted
  }

  predictRow(row: Float64Array): number {
    return this.#answer(this.regressor.predictRow(row))
  }

  toTensors(): Tensors {
    return prefixed(this.regressor.toTensors())
  }

  #answer(estimate: number): number {
    return Math.max(
      -largestMagnitude,
      Math.min(largestMagnitude, valueFunctions[this.#options.func].invert(estimate)),
    )
  }
}

function prefixed<Value>(entries: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(entries).map(([name, value]) => [`${inner}.${name}`, value]),
  )
}

function unprefixed<Value>(entries: Iterable<readonly [string, Value]>): [string, Value][] {
  const prefix = `${inner}.`
  return [...entries]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value])
}

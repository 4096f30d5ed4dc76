import type { Matrix } from '../../data/matrix.ts'
import { seededRandom } from '../../data/random.ts'
import { checkFeatures, checkRow } from '../checks.ts'
import { RowClassifier, checkpoint, type FitOptions } from '../classifier.ts'
import { rowWeights } from '../class-weight.ts'
import { ModelError } from '../errors.ts'
import { resolveOptions, type Parameters } from '../options.ts'
import type { LoadedTensors, Tensors } from '../tensors.ts'
import { HeapLoan } from '../wasm/heap.ts'
import { crossValidatedSigmoid, sigmoidFolds } from './cross-validated-sigmoid.ts'
import { learnPairs } from './learn-pairs.ts'
import { mostVotes, oneVsRest, pairCount } from './one-vs-one.ts'
import type { Kernel, PairProblem } from './pair-problem.ts'
import { coupleProbabilities, couplingScratch, type CouplingScratch } from './pairwise-coupling.ts'
import { decideAllPairs, decidePairs, type PairwiseModel } from './pairwise-machine.ts'
import { pairwiseFromTensors, pairwiseToTensors } from './pairwise-tensors.ts'
import type { Sigmoid } from './platt.ts'
import { solvePair } from './solve-pair.ts'
import { svcOptions, type SVCOptions } from './svc-options.ts'

/** Below these the squares of distances vanish, or gamma 'scale' is beyond all bounds. */
const leastVariance = { rbf: 1e-138, linear: 1e-290 } as const

/** A method that there is only where it was asked for. */
type OnlyIf<Asked extends boolean, Method> = Asked extends true ? Method : Method | undefined

/**
 * Support vector classification: the widest margin between classes in the space of a kernel, errors
 * weighed by C. libsvm's formulation and rules (Chang and Lin, "LIBSVM: a library for support vector
 * machines", ACM TIST 2 (2011)): C-SVC by sequential minimal optimisation, one-vs-one with votes,
 * equal votes going to the smallest class, probabilities by Platt scaling. Memory of a fit: a copy of
 * the rows of two classes, and the cache.
 *
 *     const model = new SVC({ C: 1, gamma: 'scale' }).fit(X, y)
 *     model.predict(X)
 *     new SVC({ probability: true }).fit(X, y).predictProba(X)
 *
 * With `probability` it has `predictProba` and `predictProbaRow`; as they come from other fits than
 * the votes, the class of the greatest probability can differ from the predicted one.
 *
 * The constructor throws OptionInvalid; `fit` also where `classWeight` has not a weight a class, and
 * ValueTooLarge for features that vary by so little that their squares are lost.
 */
export class SVC<Probability extends boolean = boolean> extends RowClassifier<PairwiseModel> {
  override readonly acceptsWeights = true
  declare readonly predictProba: OnlyIf<Probability, (X: Matrix) => Matrix>
  declare readonly predictProbaRow: OnlyIf<
    Probability,
    (row: Float64Array, out: Float64Array) => void
  >
  readonly #options: Required<SVCOptions>
  #coupling: CouplingScratch | undefined

  constructor(options: SVCOptions & { probability?: Probability } = {}) {
    super()
    this.#options = resolveOptions<SVCOptions>('SVC', svcOptions, options)
    if (this.#options.probability) {
      Object.assign(this, {
        predictProba: (X: Matrix) => this.#weighAll(X),
        predictProbaRow: (row: Float64Array, out: Float64Array) => this.#weighRow(row, out),
      })
    }
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): SVC {
    const svc = new SVC(parameters)
    const { kernel, probability } = svc.#options
    return svc.restore(pairwiseFromTensors(tensors, kernel, { probability }))
  }

  get algorithm(): string {
    return this.#options.kernel === 'linear' ? 'svc-linear' : 'svc'
  }

  get parameters(): Parameters {
    return this.#options
  }

  /** Support vectors of each class, in the order of `classes`. */
  get supportVectorCount(): Int32Array {
    return this.model.supportCounts.slice()
  }

  /** The rbf kernel's gamma as a number; NaN for the linear kernel. */
  get gamma(): number {
    const { machine } = this.model
    return machine.kind === 'rbf' ? machine.gamma : NaN
  }

  override predict(X: Matrix): Float64Array {
    const model = this.model
    checkFeatures(X, model.featureCount)
    const predicted = new Float64Array(X.rows)
    decideAllPairs(model, X, (i, decisions) => {
      predicted[i] = model.classes[mostVotes(decisions, model.scratch.votes)]!
    })
    return predicted
  }

  override decisionFunction(X: Matrix): Matrix {
    const model = this.model
    checkFeatures(X, model.featureCount)
    const cols = this.decisionColumns(model)
    const data = new Float64Array(X.rows * cols)
    decideAllPairs(model, X, (i, decisions) => {
      this.#shape(model, decisions, data.subarray(i * cols, (i + 1) * cols))
    })
    return { data, rows: X.rows, cols }
  }

  toTensors(): Tensors {
    return pairwiseToTensors(this.model)
  }

  protected learn(
    X: Matrix,
    labels: Int32Array,
    classes: Float64Array,
    fitOptions: FitOptions,
  ): PairwiseModel {
    const { C, probability, seed, classWeight } = this.#options
    const kernel = kernelFor(this.#options, X)
    const weights = rowWeights(classWeight, labels, classes.length, fitOptions, this.algorithm)
    const costs = weights?.map((weight) => weight * C) ?? new Float64Array(X.rows).fill(C)
    const loan = new HeapLoan()
    try {
      const solve = this.#solver(kernel, pairCount(classes.length), loan, fitOptions)
      const random = seededRandom(seed)
      const sigmoids: Sigmoid[] = []
      const model = learnPairs(X, labels, classes, costs, kernel, (problem) => {
        const solution = solve(problem)
        if (probability) {
          sigmoids.push(crossValidatedSigmoid(problem, kernel, random, solve, loan.heapFor))
        }
        return solution
      })
      if (!probability) return model
      const slopes = Float64Array.from(sigmoids, ({ slope }) => slope)
      const offsets = Float64Array.from(sigmoids, ({ offset }) => offset)
      return { ...model, sigmoids: { slopes, offsets } }
    } finally {
      loan.release()
    }
  }

  protected classIndex(model: PairwiseModel, row: Float64Array): number {
    return mostVotes(decidePairs(model, row), model.scratch.votes)
  }

  protected decisionColumns({ classes }: PairwiseModel): number {
    if (classes.length === 2) return 1
    return this.#options.decisionFunctionShape === 'ovr'
      ? classes.length
      : pairCount(classes.length)
  }

  protected decide(model: PairwiseModel, row: Float64Array, out: Float64Array): void {
    this.#shape(model, decidePairs(model, row), out)
  }

  /** Solves pairs, one after another in the same memory, and tells how far all of them are. */
  #solver(kernel: Kernel, pairs: number, { heapFor }: HeapLoan, fitOptions: FitOptions) {
    const { tol, maxIter, shrinking, cacheSize, probability } = this.#options
    const fits = pairs * (probability ? 1 + sigmoidFolds : 1)
    let fitsBefore = 0
    let iterationsBefore = 0
    return (problem: PairProblem) => {
      const { iterations, ...solution } = solvePair(problem, kernel, {
        tol,
        maxIter,
        shrinking,
        cacheSize,
        heapFor,
        onCheckpoint: (done) => {
          const fraction = Math.min(fitsBefore / fits, 1)
          checkpoint(fitOptions, { fraction, iterations: iterationsBefore + done })
        },
      })
      fitsBefore++
      iterationsBefore += iterations
      return solution
    }
  }

  #shape(model: PairwiseModel, decisions: Float64Array, out: Float64Array): void {
    if (model.classes.length === 2) out[0] = -decisions[0]!
    else if (this.#options.decisionFunctionShape === 'ovo') out.set(decisions)
    else oneVsRest(decisions, model.classes.length, out)
  }

  #weighAll(X: Matrix): Matrix {
    const model = this.model
    checkFeatures(X, model.featureCount)
    const cols = model.classes.length
    const data = new Float64Array(X.rows * cols)
    decideAllPairs(model, X, (i, decisions) => {
      this.#couple(model, decisions, data.subarray(i * cols, (i + 1) * cols))
    })
    return { data, rows: X.rows, cols }
  }

  #weighRow(row: Float64Array, out: Float64Array): void {
    const model = this.model
    checkRow(row, model.featureCount)
    if (out.length !== model.classes.length) {
      throw new ModelError(
        'ShapeMismatch',
        `probabilities of ${model.classes.length} classes do not fit ${out.length} places`,
      )
    }
    this.#couple(model, decidePairs(model, row), out)
  }

  #couple(model: PairwiseModel, decisions: Float64Array, out: Float64Array): void {
    if (this.#coupling?.products.length !== out.length) {
      this.#coupling = couplingScratch(out.length)
    }
    coupleProbabilities(decisions, model.sigmoids!, this.#coupling, out)
  }
}

/** Throws ValueTooLarge for features whose squares would be lost. */
function kernelFor({ kernel, gamma }: Required<SVCOptions>, X: Matrix): Kernel {
  if (kernel === 'rbf' && gamma !== 'scale') {
    return { kind: 'rbf', gamma: gamma === 'auto' ? 1 / X.cols : gamma }
  }
  const spread = variance(X.data)
  const isConstant = spread < leastVariance[kernel] && X.data.every((value) => value === X.data[0])
  if (spread < leastVariance[kernel] && !isConstant) {
    throw new ModelError(
      'ValueTooLarge',
      `SVC: the features vary by ${Math.sqrt(spread)}, too little for the ${kernel} kernel: rescale them`,
    )
  }
  if (kernel === 'linear') return { kind: 'linear' }
  // Where all values are alike every distance is 0, whatever gamma is.
  return { kind: 'rbf', gamma: isConstant ? 1 : 1 / (X.cols * spread) }
}

function variance(values: Float64Array): number {
  let sum = 0
  for (let k = 0; k < values.length; k++) sum += values[k]!
  const mean = sum / values.length
  let squares = 0
  for (let k = 0; k < values.length; k++) squares += (values[k]! - mean) ** 2
  return squares / values.length
}

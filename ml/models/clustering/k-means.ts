import type { Matrix } from '../../data/matrix.ts'
import { seededRandom, type Random } from '../../data/random.ts'
import { checkFeatures, largestMagnitude } from '../checks.ts'
import { checkFollowOptions, checkpoint, type UnweightedFitOptions } from '../classifier.ts'
import { RowClusterer, type LearnedClusters } from '../clusterer.ts'
import { ModelError } from '../errors.ts'
import {
  refuseUnknownOptions,
  resolveOptions,
  type OptionTable,
  type Parameters,
} from '../options.ts'
import { rowsOfMatrix, type RowSource } from '../row-source.ts'
import { float64Tensor, int32Tensor, readFloat64, readInt32 } from '../tensors.ts'
import { refuseOtherTensors, type LoadedTensors, type Tensors } from '../tensors.ts'
import { centroidOrder } from './centroid-order.ts'
import { Lloyd, type LloydResult } from './lloyd.ts'
import { plusPlus, randomRows } from './plus-plus.ts'

export interface KMeansOptions {
  nClusters?: number
  /** Or the first centroids, nClusters × d. */
  init?: 'k-means++' | 'random' | Matrix
  nInit?: number | 'auto'
  maxIter?: number
  tol?: number
  seed?: number
}

export const kMeansOptions = {
  nClusters: {
    default: 8,
    number: { from: 1, to: 10_000, integer: true },
    meaning: 'the number of clusters',
  },
  init: {
    default: 'k-means++',
    choices: ['k-means++', 'random', 'given'],
    meaning: 'how the first centroids are found',
  },
  nInit: {
    default: 'auto',
    number: { from: 1, to: 1000, integer: true },
    choices: ['auto'],
    meaning:
      "runs from different starts, the best of which is kept; 'auto' is 10 with random, else 1",
  },
  maxIter: {
    default: 300,
    number: { from: 1, to: 1_000_000, integer: true },
    meaning: 'iterations after which a run ends where it is',
  },
  tol: {
    default: 1e-4,
    number: { from: 0, to: 1 },
    meaning:
      'a run ends when the squared moves of all centroids are below this share of the variance',
  },
  seed: {
    default: 0,
    number: { from: -(2 ** 31), to: 2 ** 32 - 1, integer: true },
    meaning: 'decides the first centroids',
  },
} as const satisfies OptionTable

interface KMeansModel extends LearnedClusters {
  /** clusterCount × featureCount, row-major. */
  readonly centroids: Float64Array
  readonly inertia: number
  readonly iterations: number
}

/**
 * k-means: the centroids of least squared distance to the rows, as far as Lloyd's algorithm gets
 * from its starts; scikit-learn's semantics, the same result from the same start. Clusters are
 * numbered by their centroids, the smallest first coordinate first, so that they do not depend on
 * the order of the rows where the optimum does not. A fit holds one copy of X and 12 bytes a row.
 *
 *     const model = new KMeans({ nClusters: 5, nInit: 10 }).fit(X)
 *     model.inertia
 *
 * The constructor throws OptionInvalid; `fit` OptionInvalid for fewer rows than clusters and for
 * first centroids that do not fit, ValueTooLarge when the squared distances leave the range.
 */
export class KMeans extends RowClusterer<KMeansModel> {
  readonly algorithm = 'k-means'
  readonly parameters: Parameters
  readonly #options: Required<Omit<KMeansOptions, 'init'>>
  readonly #init: 'k-means++' | 'random' | 'given'
  readonly #start: Matrix | undefined = undefined

  constructor(options: KMeansOptions = {}) {
    super()
    refuseUnknownOptions('KMeans', Object.keys(kMeansOptions), options)
    const { init = 'k-means++' } = options
    if (typeof init === 'object') {
      checkFeatures(init)
      this.#start = { ...init, data: init.data.slice() }
    }
    type Resolved = Required<Omit<KMeansOptions, 'init'>> & {
      init: 'k-means++' | 'random' | 'given'
    }
    const resolved = resolveOptions<Resolved>('KMeans', kMeansOptions, {
      ...(options as Resolved),
      init: this.#start ? 'given' : (init as 'random'),
    })
    this.#options = resolved
    this.#init = resolved.init
    this.parameters = resolved
  }

  static fromTensors(tensors: LoadedTensors, parameters: Parameters): KMeans {
    const model = new KMeans(parameters)
    refuseOtherTensors(tensors, ['centroids', 'inertia', 'iterations'])
    const clusterCount = model.#options.nClusters
    const centroids = readFloat64(tensors, 'centroids', clusterCount, undefined)
    const inertia = readFloat64(tensors, 'inertia').data[0]!
    if (inertia < 0) throw new ModelError('ModelFileInvalid', `tensor inertia holds ${inertia}`)
    const range = { from: 1, to: model.#options.maxIter }
    const iterations = readInt32(tensors, 'iterations', range).data[0]!
    const featureCount = centroids.sizes[1]!
    return model.restore({
      featureCount,
      clusterCount,
      centroids: centroids.data,
      inertia,
      iterations,
    })
  }

  /** The centre of each cluster, clusterCount × featureCount; a copy. */
  get centroids(): Matrix {
    const { centroids, clusterCount, featureCount } = this.model
    return { data: centroids.slice(), rows: clusterCount, cols: featureCount }
  }

  /** The sum of squared distances of the rows of the fit to their centroids. */
  get inertia(): number {
    return this.model.inertia
  }

  /** Iterations of the best run. */
  get iterations(): number {
    return this.model.iterations
  }

  fitRows(rows: RowSource, options: UnweightedFitOptions = {}): this {
    checkFollowOptions(this.algorithm, options)
    return this.fitTo(options, () => this.#learnRows(rows, options))
  }

  toTensors(): Tensors {
    const { centroids, clusterCount, featureCount, inertia, iterations } = this.model
    return {
      centroids: float64Tensor(centroids, clusterCount, featureCount),
      inertia: float64Tensor(Float64Array.of(inertia)),
      iterations: int32Tensor(Int32Array.of(iterations)),
    }
  }

  protected learn(X: Matrix, options: UnweightedFitOptions): KMeansModel {
    return this.#learnRows(rowsOfMatrix(X), options)
  }

  #learnRows(rows: RowSource, options: UnweightedFitOptions): KMeansModel {
    const { nClusters: k, tol, maxIter, seed } = this.#options
    if (rows.rows < k) {
      throw invalidOption(`nClusters is ${k}, which ${rows.rows} rows are too few for`)
    }
    const random = seededRandom(seed)
    const lloyd = new Lloyd(rows, k)
    const tolerance = tol * lloyd.variance
    const runs = this.#runs()
    let best: LloydResult | undefined
    let done = 0
    for (let run = 0; run < runs; run++) {
      const start = this.#firstCentroids(lloyd, random, () => {
        checkpoint(options, { fraction: run / runs, iterations: done })
      })
      const result = lloyd.run(start, {
        maxIter,
        tolerance,
        onIteration: (iterations) => {
          const fraction = (run + iterations / maxIter) / runs
          checkpoint(options, { fraction, iterations: done + iterations })
        },
      })
      done += result.iterations
      if (best === undefined || result.inertia < best.inertia) best = result
    }
    lloyd.release()
    const { centroids, inertia, iterations } = best!
    if (!(inertia <= largestMagnitude)) {
      throw new ModelError('ValueTooLarge', `KMeans: the inertia is ${inertia}: rescale X`)
    }
    return {
      featureCount: rows.cols,
      clusterCount: k,
      centroids: inOrder(centroids, k, lloyd.origin),
      inertia,
      iterations,
    }
  }

  protected clusterOf({ centroids, clusterCount }: KMeansModel, row: Float64Array): number {
    let nearest = 0
    let least = Infinity
    for (let c = 0, at = 0; c < clusterCount; c++) {
      let square = 0
      for (let j = 0; j < row.length; j++, at++) {
        const difference = row[j]! - centroids[at]!
        square += difference * difference
      }
      if (square < least) {
        least = square
        nearest = c
      }
    }
    return nearest
  }

  #runs(): number {
    if (this.#init === 'given') return 1
    const { nInit } = this.#options
    return nInit === 'auto' ? (this.#init === 'random' ? 10 : 1) : nInit
  }

  #firstCentroids(lloyd: Lloyd, random: Random, onClaim: () => void): Float64Array {
    const k = this.#options.nClusters
    const { cols } = lloyd.rows
    if (this.#init === 'k-means++') return plusPlus(lloyd, k, random, onClaim)
    if (this.#init === 'random') return randomRows(lloyd.rows, k, random)
    if (this.#start?.rows !== k || this.#start.cols !== cols) {
      const found = this.#start ? `${this.#start.rows} × ${this.#start.cols}` : 'not there'
      throw invalidOption(`init is ${found}; the first centroids are ${k} × ${cols}`)
    }
    return this.#start.data.map((value, at) => value - lloyd.origin[at % cols]!)
  }
}

/** The centroids in their stable order, where the rows were before they were shifted. */
function inOrder(centroids: Float64Array, k: number, origin: Float64Array): Float64Array {
  const d = origin.length
  const ordered = new Float64Array(centroids.length)
  centroidOrder(centroids, k).forEach((from, to) => {
    for (let j = 0; j < d; j++) ordered[to * d + j] = centroids[from * d + j]! + origin[j]!
  })
  return ordered
}

function invalidOption(what: string): ModelError {
  return new ModelError('OptionInvalid', `KMeans: option ${what}`)
}

import { describe, expect, it } from 'vitest'
import {
  ClusteringPipeline,
  crossValScores,
  kFold,
  KMeans,
  KNeighborsClassifier,
  LogisticRegression,
  MeanBaseline,
  Pipeline,
  RegressionPipeline,
  Ridge,
  timeSeriesSplit,
  type Classifier,
  type FitOptions,
} from '../../../../ml/models/index.ts'
import type { Matrix } from '../../../../ml/data/matrix.ts'
import { blobs } from '../datasets.ts'
import { errorNamed } from '../golden.ts'

const { X, y } = blobs(60, 3, 3, { apart: 0.5 })
const folds = kFold(60, { folds: 4, seed: 2 })
const own = () => ({ X: { ...X, data: X.data.slice() }, y: Float64Array.from(y) })

/** A regressor that shows what it is given. */
class Watching extends MeanBaseline {
  readonly #saw: (X: Matrix) => void

  constructor(saw: (X: Matrix) => void) {
    super()
    this.#saw = saw
  }

  override fit(rows: Matrix, targets: ArrayLike<number>, options?: FitOptions): this {
    this.#saw(rows)
    return super.fit(rows, targets, options)
  }

  override predict(rows: Matrix): Float64Array {
    this.#saw(rows)
    return super.predict(rows)
  }
}

describe('crossValScores that moves rows', () => {
  it.each<[string, () => Classifier]>([
    ['a model', () => new LogisticRegression()],
    ['a model that keeps its rows', () => new KNeighborsClassifier()],
    ['a pipeline', () => new Pipeline(new LogisticRegression(), { scale: true })],
    [
      'a pipeline in a pipeline',
      () => new Pipeline(new Pipeline(new LogisticRegression(), { scale: true }), { scale: true }),
    ],
  ])('scores as one that copies them, and leaves them where they were: %s', (_, create) => {
    for (const rows of [folds, timeSeriesSplit(60, { folds: 4, gap: 3 })]) {
      const sampleWeight = create() instanceof KNeighborsClassifier ? undefined : weights
      const options = { folds: rows, scoring: 'accuracy', sampleWeight } as const
      const moved = own()
      const found = crossValScores(create, moved.X, moved.y, { ...options, movesRows: true })
      expect(found).toEqual(crossValScores(create, X, y, options))
      expect(moved).toEqual(own())
    }
  })

  it('holds no copy of the rows, and one of what steps make of those of a fold', () => {
    const moved = own()
    const seen: Matrix[] = []
    const options = { folds, scoring: 'r2', movesRows: true } as const
    const create = () => new Watching((rows) => seen.push(rows))
    crossValScores(create, moved.X, moved.y, options)
    expect(seen.map(({ rows }) => rows)).toEqual([45, 15, 45, 15, 45, 15, 45, 15])
    expect(new Set(seen.map(({ data }) => data.buffer))).toEqual(new Set([moved.X.data.buffer]))
    const learned = new Set<ArrayBufferLike>()
    const scaled = () => {
      const model = new Watching(({ rows, data }) => rows === 45 && learned.add(data.buffer))
      return new RegressionPipeline(model, { scale: true })
    }
    crossValScores(scaled, moved.X, moved.y, options)
    expect(learned.size).toBe(1)
    expect(learned).not.toContain(moved.X.data.buffer)
    // It is free when all is done.
    expect([...learned][0]!.byteLength).toBe(0)
  })

  it('leaves rows where they were when a fit throws', () => {
    const moved = own()
    let fits = 0
    const create = () => {
      if (++fits === 3) throw new Error('enough')
      return new Ridge()
    }
    const options = { folds, scoring: 'r2', movesRows: true } as const
    expect(() => crossValScores(create, moved.X, moved.y, options)).toThrow('enough')
    expect(moved).toEqual(own())
  })

  it('refuses a row that is to be in two places, and targets that it cannot move', () => {
    const moved = own()
    const score = { scoring: 'r2', movesRows: true } as const
    const twice = [{ train: Int32Array.of(0, 1, 0), test: Int32Array.of(2, 3) }]
    const create = () => new Ridge()
    expect(() => crossValScores(create, moved.X, moved.y, { ...score, folds: twice })).toThrow(
      errorNamed('OptionInvalid', 'row 0 twice'),
    )
    expect(moved).toEqual(own())
    expect(() => crossValScores(create, moved.X, [...moved.y], { ...score, folds })).toThrow(
      errorNamed('OptionInvalid', 'movesRows'),
    )
  })
})

describe('a pipeline before a model that copies its rows', () => {
  it('learns what the model learns of the matrix, and leaves X as it is', () => {
    const moved = own()
    const pipeline = new ClusteringPipeline(new KMeans({ nClusters: 3 }), { scale: true })
    pipeline.fit(moved.X)
    expect(moved.X).toEqual(X)
    const transformed = pipeline.steps[0]!.transform(X)
    const alone = new KMeans({ nClusters: 3 }).fit(transformed)
    expect(pipeline.model.toTensors()).toEqual(alone.toTensors())
  })
})

const weights = Float64Array.from({ length: 60 }, (_, i) => 1 + (i % 3))

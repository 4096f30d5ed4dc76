import { describe, expect, it } from 'vitest'
import {
  GradientBoostingClassifier,
  GradientBoostingRegressor,
  RandomForestClassifier,
  type Tensor,
  type Tensors,
} from '../../../../ml/models/index.ts'
import { iris } from '../datasets.ts'
import { errorNamed } from '../golden.ts'
import { problem } from './golden-trees.ts'

/** The tensors with single values changed, as a hostile writer can. */
function forge(tensors: Tensors, changes: Record<string, (data: Int32Array) => void>) {
  const changed = Object.entries(tensors).map(([name, tensor]): [string, Tensor] => {
    const data = tensor.data.slice()
    changes[name]?.(data as Int32Array)
    return [name, { ...tensor, data } as Tensor]
  })
  return new Map(changed)
}

describe('Trees of a file', () => {
  const forest = new RandomForestClassifier({ nEstimators: 3 }).fit(iris.X, iris.y)
  const inForest = forest.toTensors()
  const { X, y } = problem('groups', 'grouped')
  const boosted = new GradientBoostingRegressor({ maxIter: 5, categoricalFeatures: [0] }).fit(X, y)
  const inBoosted = boosted.toTensors()
  const isSplit = (at: number) => inForest.feature!.data[at]! >= 0
  const setAt = inBoosted.categorySet!.data.findIndex((set: number) => set >= 0)

  it('are refused when they lead round, out of the arrays, or nowhere', () => {
    const leafAt = inForest.feature!.data.findIndex((feature: number) => feature < 0)
    const size = inForest.feature!.data.length
    expect([isSplit(0), leafAt > 0, setAt >= 0]).toEqual([true, true, true])
    const second = inForest.roots!.data[1]!
    const hostile: Record<string, (data: Int32Array) => void>[] = [
      { right: (data) => (data[0] = 0) },
      { right: (data) => (data[0] = 1) },
      { right: (data) => (data[0] = size) },
      { right: (data) => (data[0] = second) },
      { right: (data) => (data[0] = 2 ** 31 - 1) },
      { right: (data) => (data[leafAt] = 2 ** 30) },
      { right: (data) => (data[leafAt] = -1) },
      { feature: (data) => (data[0] = 4) },
      { feature: (data) => (data[0] = -2) },
      { feature: (data) => (data[size - 1] = 0) },
      { feature: (data) => (data[second - 1] = 0) },
      { roots: (data) => (data[0] = 1) },
      { roots: (data) => (data[1] = 0) },
      { roots: (data) => (data[3] = size - 1) },
      { values: (data) => (data[0] = 2) },
      { values: (data) => (data[0] = -1) },
      { values: (data) => (data[0] = NaN) },
      { threshold: (data) => (data[0] = Infinity) },
      { importances: (data) => (data[0] = -1) },
    ]
    for (const [k, changes] of hostile.entries()) {
      expect(
        () => RandomForestClassifier.fromTensors(forge(inForest, changes), forest.parameters),
        `forgery ${k}`,
      ).toThrow(errorNamed('ModelFileInvalid'))
    }
    const same = RandomForestClassifier.fromTensors(forge(inForest, {}), forest.parameters)
    expect(same.predictProba(iris.X)).toEqual(forest.predictProba(iris.X))
  })

  it('are refused when their categories do not hang together', () => {
    const hostile: Record<string, (data: Int32Array) => void>[] = [
      { categorySet: (data) => (data[setAt] = 10_000) },
      { categorySet: (data) => (data[setAt] = -2) },
      { categoryStarts: (data) => (data[0] = 1) },
      { categoryStarts: (data) => (data[1] = 1000) },
      { categoryStarts: (data) => (data[2] = 0) },
      { missingLeft: (data) => (data[0] = 2) },
      { categories: (data) => (data[1] = data[0]! - 1) },
    ]
    for (const [k, changes] of hostile.entries()) {
      expect(
        () => GradientBoostingRegressor.fromTensors(forge(inBoosted, changes), boosted.parameters),
        `forgery ${k}`,
      ).toThrow(errorNamed('ModelFileInvalid'))
    }
    const same = GradientBoostingRegressor.fromTensors(forge(inBoosted, {}), boosted.parameters)
    expect(same.predict(X)).toEqual(boosted.predict(X))
  })

  it('are refused when tensors are missing, unknown, or of other shapes', () => {
    for (const name of Object.keys(inBoosted)) {
      const tensors = forge(inBoosted, {})
      tensors.delete(name)
      expect(
        () => GradientBoostingRegressor.fromTensors(tensors, boosted.parameters),
        name,
      ).toThrow(errorNamed('ModelFileInvalid'))
    }
    const more = forge(inBoosted, {}).set('code', inBoosted.roots!)
    expect(() => GradientBoostingRegressor.fromTensors(more, boosted.parameters)).toThrow(
      errorNamed('ModelFileInvalid', 'code'),
    )
    const classifier = new GradientBoostingClassifier({ maxIter: 2 }).fit(iris.X, iris.y)
    const fewer = forge(classifier.toTensors(), {})
    fewer.set('classes', { dtype: 'F64', shape: [2], data: Float64Array.of(0, 1) })
    expect(() => GradientBoostingClassifier.fromTensors(fewer, classifier.parameters)).toThrow(
      errorNamed('ModelFileInvalid'),
    )
  })
})

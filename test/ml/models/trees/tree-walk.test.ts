import { describe, expect, it } from 'vitest'
import { matrix, rowOf, type Matrix } from '../../../../ml/data/matrix.ts'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  GradientBoostingClassifier,
  GradientBoostingRegressor,
  type Classifier,
  type Regressor,
} from '../../../../ml/models/index.ts'
import { findLeaf, TreeWriter, type TreeNodes } from '../../../../ml/models/trees/tree-nodes.ts'
import { walkTrees, type Walk } from '../../../../ml/models/trees/tree-walk.ts'

const cols = 3

function values(rows: number, share = 0, width = cols): Matrix {
  const random = seededRandom(rows)
  const next = () => (random() < share ? NaN : Math.round(20 * random()) / 20)
  return matrix(Float64Array.from({ length: rows * width }, next), rows, width)
}

/** Trees of random splits down to one leaf, of different depths. */
function randomTrees(depths: readonly number[]): TreeNodes {
  const random = seededRandom(3)
  const writer = new TreeWriter(1)
  const grow = (depth: number): void => {
    if (depth === 0 || (depth < 6 && random() < 0.2)) {
      writer.values[writer.addLeaf()] = random()
      return
    }
    const node = writer.addSplit(Math.floor(cols * random()), Math.round(20 * random()) / 20)
    grow(depth - 1)
    writer.setRight(node, writer.size)
    grow(depth - 1)
  }
  for (const depth of depths) {
    writer.beginTree()
    grow(depth)
  }
  return writer.finish()
}

/** By tree and row, the leaf. */
function leavesBy(walk: Walk, X: Matrix, kind?: 'wasm' | 'plain'): number[][] {
  const found = Array.from({ length: walk.nodes.roots.length - 1 }, () => [] as number[])
  const visit = (tree: number, from: number, leaves: Int32Array) => {
    expect(found[tree]!.length).toBe(from)
    found[tree]!.push(...leaves)
  }
  walkTrees(walk, X, visit, kind)
  return found
}

describe('Many rows find the leaves that each finds alone', () => {
  const nodes = randomTrees([0, 1, 9, 3, 7])
  const find: Walk['findLeaf'] = (root, data, at) => findLeaf(nodes, root, data, at)

  // Too few for a kernel, one more than a multiple of 4, and more than one block.
  for (const [rows, width] of [
    [1, cols],
    [15, cols],
    [16, cols],
    [61, cols],
    [300, cols],
    [36, 60_000],
  ] as const) {
    it(`of ${rows} rows of ${width}`, () => {
      const X = values(rows, 0, width)
      const roots = [...nodes.roots.subarray(0, -1)]
      const alone = roots.map((root) =>
        Array.from({ length: rows }, (_, i) => find(root, X.data, i * width)),
      )
      for (const kind of ['wasm', 'plain'] as const) {
        expect(leavesBy({ nodes, findLeaf: find }, X, kind)).toEqual(alone)
      }
    })
  }

  it('with values missing, which go where each node says', () => {
    const X = values(200, 0.4)
    const random = seededRandom(8)
    const missingLeft = Int32Array.from(nodes.feature, () => (random() < 0.5 ? 1 : 0))
    const alone = (root: number, data: Float64Array, at: number) => {
      let node = root
      for (let column = nodes.feature[node]!; column >= 0; column = nodes.feature[node]!) {
        const value = data[at + column]!
        const isLeft = Number.isNaN(value) ? missingLeft[node] : value <= nodes.threshold[node]!
        node = isLeft ? node + 1 : nodes.right[node]!
      }
      return nodes.right[node]!
    }
    const expected = [...nodes.roots.subarray(0, -1)].map((root) =>
      Array.from({ length: 200 }, (_, i) => alone(root, X.data, i * cols)),
    )
    const refuse = () => expect.unreachable()
    const isOther = () => false
    for (const kind of ['wasm', 'plain'] as const) {
      expect(leavesBy({ nodes, missingLeft, isOther, findLeaf: refuse }, X, kind)).toEqual(expected)
    }
  })

  it('in trees of nodes of another kind one by one', () => {
    const X = values(50)
    const other = nodes.roots[2]!
    const asked = new Set<number>()
    const findLeafOf = (root: number) => {
      asked.add(root)
      return 7
    }
    const walk = { nodes, isOther: (root: number) => root === other, findLeaf: findLeafOf }
    expect(leavesBy(walk, X)[2]).toEqual(new Array<number>(50).fill(7))
    expect([...asked]).toEqual([other])
  })
})

describe('A batch gets to the bit what its rows get', () => {
  const X = values(400)
  const gaps = values(400, 0.2)
  const y = Float64Array.from(
    { length: 400 },
    (_, i) => X.data[cols * i]! + 2 * X.data[cols * i + 1]!,
  )
  const three = y.map((value) => Math.min(2, Math.floor(value)))
  const two = y.map((value) => (value > 1.4 ? 1 : 0))
  const categories = { maxIter: 20, categoricalFeatures: [1] }

  const regressors: [string, () => Regressor, Matrix][] = [
    ['extra-trees', () => new ExtraTreesRegressor({ nEstimators: 7 }), X],
    ['boosting', () => new GradientBoostingRegressor({ maxIter: 20 }), gaps],
    ['boosting with categories', () => new GradientBoostingRegressor(categories), X],
  ]
  it.each(regressors)('%s of a quantity', (_, create, features) => {
    const model = create().fit(features, y)
    const rows = Array.from({ length: 400 }, (__, i) => model.predictRow(rowOf(features, i)))
    expect([...model.predict(features)]).toEqual(rows)
  })

  const classifiers: [string, () => Classifier, Matrix, Float64Array][] = [
    ['extra-trees, 3', () => new ExtraTreesClassifier({ nEstimators: 7 }), X, three],
    ['extra-trees, 2', () => new ExtraTreesClassifier({ nEstimators: 7 }), X, two],
    ['boosting, 3', () => new GradientBoostingClassifier({ maxIter: 9 }), gaps, three],
    ['boosting, 2', () => new GradientBoostingClassifier({ maxIter: 9 }), gaps, two],
    ['boosting with categories', () => new GradientBoostingClassifier(categories), X, three],
  ]
  it.each(classifiers)('%s classes', (_, create, features, targets) => {
    const model = create().fit(features, targets)
    const alone = Array.from({ length: 400 }, (__, i) => {
      const row = rowOf(features, i)
      const shares = new Float64Array(model.classes.length)
      model.predictProbaRow!(row, shares)
      const single = matrix(row.slice(), 1, cols)
      return [model.predictRow(row), ...shares, ...model.decisionFunction(single).data]
    })
    const predicted = model.predict(features)
    const shares = model.predictProba!(features)
    const decisions = model.decisionFunction(features)
    const together = Array.from(predicted, (value, i) => [
      value,
      ...rowOf(shares, i),
      ...rowOf(decisions, i),
    ])
    expect(together).toEqual(alone)
  })
})

import { expect, it } from 'vitest'
import { seededRandom } from '../../../../ml/data/random.ts'
import { Cuts } from '../../../../ml/models/trees/forest/cuts.ts'

const counts = [1, 2, 3, 8, 41]

/** Cuts whose second slot has values of both signs, zeros of both among them. */
function filled(kind: 'wasm' | 'plain', rows: number, ends: readonly number[]): Cuts {
  const cuts = new Cuts(rows, ends.length, kind)
  const random = seededRandom(rows)
  for (let k = 0; k < rows; k++) {
    cuts.values[rows + k] = [-0, 0, random() - 0.5, -random()][Math.floor(4 * random())]!
    cuts.weights[k] = 1 + Math.floor(3 * random())
    if (ends.length === 0) cuts.sums[k] = cuts.weights[k]! * (random() - 0.3)
  }
  cuts.ends.set(ends)
  return cuts
}

it.each(counts)('The range of %i values is their least and their greatest', (rows) => {
  const [wasm, plain] = (['wasm', 'plain'] as const).map((kind) => {
    const cuts = filled(kind, rows, [])
    cuts.findRange(1, rows)
    const values = [...cuts.values.subarray(rows)]
    expect([cuts.least + 0, cuts.greatest + 0]).toEqual([
      Math.min(...values) + 0,
      Math.max(...values) + 0,
    ])
    return [cuts.least, cuts.greatest]
  })
  expect(wasm).toEqual(plain)
})

it.each(counts)('A cut of %i rows of classes weighs those on its left class by class', (rows) => {
  const ends = [0, rows >> 1, rows >> 1, rows]
  for (const kind of ['wasm', 'plain'] as const) {
    const cuts = filled(kind, rows, ends)
    for (const threshold of [-2, -0.3, 0, 0.2, 2]) {
      const isLeft = (k: number) => cuts.values[rows + k]! <= threshold
      const weights = ends.map((end, c) => {
        let weight = 0
        for (let k = ends[c - 1] ?? 0; k < end; k++) if (isLeft(k)) weight += cuts.weights[k]!
        return weight
      })
      expect(cuts.cutClasses(1, threshold)).toBe([...Array(rows).keys()].filter(isLeft).length)
      expect([...cuts.left]).toEqual(weights)
    }
  }
})

it.each(counts)('A cut of %i rows of a quantity sums those on its left', (rows) => {
  for (const threshold of [-2, -0.3, 0, 0.2, 2]) {
    const [wasm, plain] = (['wasm', 'plain'] as const).map((kind) => {
      const cuts = filled(kind, rows, [])
      const left = [...Array(rows).keys()].filter((k) => cuts.values[rows + k]! <= threshold)
      expect(cuts.cutSums(1, rows, threshold)).toBe(left.length)
      const total = (values: Float64Array) => left.reduce((sum, k) => sum + values[k]!, 0)
      expect(cuts.left[0]).toBe(total(cuts.weights))
      expect(cuts.left[1]).toBeCloseTo(total(cuts.sums), 12)
      return [...cuts.left]
    })
    expect(wasm).toEqual(plain)
  }
})

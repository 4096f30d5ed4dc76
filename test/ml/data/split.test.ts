import { describe, expect, it } from 'vitest'
import {
  foldsByRow,
  matrix,
  permutation,
  RowHasher,
  seededRandom,
  splitByRow,
  stratifiedFolds,
  takeRows,
  takeValues,
} from '../../../ml/data/index.ts'

function rowsOf(n: number, seed = 1) {
  const random = seededRandom(seed)
  const features = matrix(Float64Array.from({ length: n * 3 }, random), n, 3)
  return { features, target: Float64Array.from({ length: n }, (_, i) => i % 3) }
}

function hashOf(...values: number[]): string {
  const hasher = new RowHasher()
  for (const value of values) hasher.add(value)
  const { first, second } = hasher.finish()
  return [first, second].map((half) => half.toString(16).padStart(8, '0')).join('')
}

describe('RowHasher', () => {
  it('never changes', () => {
    expect([
      hashOf(),
      hashOf(0),
      hashOf(0, 0),
      hashOf(1),
      hashOf(NaN),
      hashOf(-Infinity),
      hashOf(5.1, 3.5, 1.4, 0.2, 0),
    ]).toEqual([
      '6eaa8dfbf7c158e3',
      'a8483d22cc80df82',
      'd0cd6c84303408e1',
      'a927d797ec8ef7de',
      '1e26166cd1eec55f',
      '38007aead960235e',
      '12e809b9e340e34e',
    ])
  })

  it('takes -0 as 0 and every NaN as one, and minds the order of values', () => {
    const otherNaN = new Float64Array(new BigUint64Array([0xfff8000000000123n]).buffer)[0]!
    expect(hashOf(1, -0)).toBe(hashOf(1, 0))
    expect(hashOf(otherNaN)).toBe(hashOf(NaN))
    expect(hashOf(1, 2)).not.toBe(hashOf(2, 1))
  })

  it('begins anew after each row', () => {
    const hasher = new RowHasher()
    hasher.add(1)
    const first = hasher.finish()
    hasher.add(1)
    expect(hasher.finish()).toEqual(first)
  })

  it('has no equal hashes among a million small integers', () => {
    const hashes = new Set<bigint>()
    const hasher = new RowHasher()
    for (let i = 0; i < 1_000_000; i++) {
      hasher.add(i % 1000)
      hasher.add(Math.floor(i / 1000))
      const { first, second } = hasher.finish()
      hashes.add((BigInt(first) << 32n) | BigInt(second))
    }
    expect(hashes.size).toBe(1_000_000)
  })

  it('changes each of its 64 bits in about half of the cases when one input bit changes', () => {
    const flips = new Array<number>(64).fill(0)
    const trials = 40
    const words = new BigUint64Array(2)
    const values = new Float64Array(words.buffer)
    for (let trial = 0; trial < trials; trial++) {
      for (let bit = 0; bit < 104; bit++) {
        words[0] = 0x3ff0000000000000n + BigInt(trial * 7919)
        words[1] = 0x4010000000000000n + BigInt(trial)
        const before = BigInt(`0x${hashOf(...values)}`)
        words[bit < 52 ? 0 : 1]! ^= 1n << BigInt(bit % 52)
        const difference = before ^ BigInt(`0x${hashOf(...values)}`)
        for (let i = 0; i < 64; i++) flips[i]! += Number((difference >> BigInt(i)) & 1n)
      }
    }
    for (const count of flips) {
      expect(count / (trials * 104)).toBeGreaterThan(0.45)
      expect(count / (trials * 104)).toBeLessThan(0.55)
    }
  })
})

describe('splitByRow', () => {
  const rows = rowsOf(8000)
  const { train, heldOut } = splitByRow(rows, { heldOut: 0.25 })

  it('puts every row on exactly one side, in ascending order', () => {
    const all = [...train, ...heldOut].sort((a, b) => a - b)
    expect(all).toEqual(Array.from({ length: 8000 }, (_, i) => i))
    for (const side of [train, heldOut]) expect([...side]).toEqual([...side].sort((a, b) => a - b))
  })

  it('holds out about the share asked for', () => {
    for (const share of [0.1, 0.25, 0.5, 0.9]) {
      const found = splitByRow(rows, { heldOut: share }).heldOut.length / 8000
      expect(Math.abs(found - share)).toBeLessThan(0.02)
    }
  })

  it('decides by the row alone: its place and other rows do not matter', () => {
    const order = permutation(8000, seededRandom(2)).subarray(0, 5000)
    const some = {
      features: takeRows(rows.features, order),
      target: takeValues(rows.target, order),
    }
    const held = new Set(heldOut)
    for (const i of splitByRow(some, { heldOut: 0.25 }).heldOut) expect(held).toContain(order[i])
    const expected = order.filter((row) => held.has(row)).length
    expect(splitByRow(some, { heldOut: 0.25 }).heldOut).toHaveLength(expected)
  })

  it('keeps what is held out when a larger share is', () => {
    const more = new Set(splitByRow(rows, { heldOut: 0.4 }).heldOut)
    for (const row of heldOut) expect(more).toContain(row)
  })

  it('keeps equal rows on one side', () => {
    const same = {
      features: matrix(new Float64Array(40).fill(2), 20, 2),
      target: new Float64Array(20),
    }
    const split = splitByRow(same, { heldOut: 0.5 })
    expect([0, 20]).toContain(split.heldOut.length)
  })

  it('takes no rows, and refuses a share outside of 0 to 1', () => {
    const none = splitByRow(rowsOf(0), { heldOut: 0.25 })
    expect([none.train.length, none.heldOut.length]).toEqual([0, 0])
    for (const share of [0, 1, -0.1, 1.5, NaN]) {
      expect(() => splitByRow(rows, { heldOut: share })).toThrow(RangeError)
    }
    expect(() => splitByRow({ ...rows, target: new Float64Array(3) }, { heldOut: 0.25 })).toThrow(
      RangeError,
    )
  })
})

describe('foldsByRow', () => {
  it('spreads the rows that a split leaves for training over all folds', () => {
    const rows = rowsOf(8000)
    const folds = foldsByRow(rows, 4)
    const { train } = splitByRow(rows, { heldOut: 0.25 })
    const counts = [0, 0, 0, 0]
    for (const i of train) counts[folds[i]!]!++
    for (const count of counts) expect(Math.abs(count / train.length - 0.25)).toBeLessThan(0.02)
    expect(() => foldsByRow(rows, 1)).toThrow(RangeError)
  })
})

describe('stratifiedFolds', () => {
  const y = Float64Array.from({ length: 157 }, (_, i) => (i < 100 ? 0 : i < 150 ? 7 : NaN))

  it('spreads each class and all rows evenly', () => {
    for (const k of [2, 3, 5, 10]) {
      const folds = stratifiedFolds(y, k, 1)
      for (const label of [0, 7, NaN, undefined]) {
        const counts = new Array<number>(k).fill(0)
        y.forEach((value, i) => {
          if (label === undefined || Object.is(value, label)) counts[folds[i]!]!++
        })
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
      }
    }
  })

  it('is drawn by the seed alone', () => {
    expect(stratifiedFolds(y, 5, 3)).toEqual(stratifiedFolds(y, 5, 3))
    expect(stratifiedFolds(y, 5, 3)).not.toEqual(stratifiedFolds(y, 5, 4))
  })

  it('refuses a number of folds that cannot be', () => {
    for (const k of [0, 1, 2.5, NaN, 158]) {
      expect(() => stratifiedFolds(y, k, 1)).toThrow(RangeError)
    }
    expect(() => stratifiedFolds(new Float64Array(0), 2, 1)).toThrow(RangeError)
  })
})

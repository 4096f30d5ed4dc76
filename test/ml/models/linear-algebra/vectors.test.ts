import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../ml/data/random.ts'
import { paddedLength, VectorBlock } from '../../../../ml/models/linear-algebra/vector-block.ts'

/** The same numbers for both kinds; one more element is apart for each vector. */
function blockOf(kind: 'wasm' | 'plain', count: number, length: number) {
  const block = new VectorBlock(count, length, count * count + count, kind)
  const random = seededRandom(count * length)
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < length; i++) block.set(k, i, random() - 0.5)
    block.numbers[k] = block.squareOf(k)
  }
  for (let k = 0; k < block.extra.length; k++) block.extra[k] = random()
  return block
}

const uses: Record<string, (block: VectorBlock, padded: number) => unknown> = {
  dot: (block, padded) => block.arithmetic.dot(block.placeOf(0), block.placeOf(1), padded),
  products: (block, padded) =>
    block.arithmetic.products(
      ...([block.placeOf(0), block.placeOf(1), block.stride, block.count - 1, padded] as const),
      block.extraPlace,
    ),
  gram: (block, padded) => {
    const first = Math.min(2, block.count)
    for (const [from, to] of [
      [0, first],
      [first, block.count],
    ] as const) {
      block.arithmetic.gram(
        block.placeOf(0),
        block.stride,
        from,
        to,
        block.count,
        padded,
        block.extraPlace,
      )
    }
  },
  reflect: (block, padded) =>
    block.arithmetic.reflect(
      ...([block.placeOf(0), 0.7, block.extraPlace, block.placeOf(1), block.stride] as const),
      ...([block.count - 1, padded, 0.3] as const),
    ),
  turn: (block, padded) =>
    block.arithmetic.turn(
      ...([block.placeOf(0), block.stride, 0, 1, block.count, padded] as const),
      ...([block.numbersPlace, 1e-15] as const),
    ),
}

describe.each(Object.entries(uses))('%s of vectors', (_, use) => {
  it('gives the same bits in WebAssembly and in TypeScript', () => {
    for (const [count, length] of [
      [2, 1],
      [3, 8],
      [6, 13],
      [11, 64],
      [16, 40],
    ] as const) {
      const [wasm, plain] = (['wasm', 'plain'] as const).map((kind) => {
        const block = blockOf(kind, count, length)
        const answer = use(block, paddedLength(length))
        const vectors = Array.from({ length: count }, (_, k) => [...block.vector(k)])
        return { answer, vectors, numbers: [...block.numbers], extra: [...block.extra] }
      })
      expect(wasm).toEqual(plain)
    }
  })
})

describe('The products of vectors', () => {
  it('are those summed one by one', () => {
    const block = blockOf('wasm', 11, 21)
    block.extra.fill(1)
    block.arithmetic.gram(
      ...([block.placeOf(0), block.stride, 0, 11, 11, paddedLength(21), block.extraPlace] as const),
    )
    for (let j = 0; j < 11; j++) {
      for (let k = j; k < 11; k++) {
        const product = block.vector(j).reduce((sum, value, i) => sum + value * block.at(k, i), 1)
        expect(block.extra[j * 11 + k]).toBeCloseTo(product, 13)
      }
    }
  })

  it('are 0 after a turn, which leaves the sum of squares', () => {
    const block = blockOf('wasm', 2, 30)
    const before = block.squareOf(0) + block.squareOf(1)
    const turns = block.arithmetic.turn(
      ...([block.placeOf(0), block.stride, 0, 1, 2, 32, block.numbersPlace, 1e-15] as const),
    )
    expect(turns).toBe(1)
    expect(block.squareOf(0) + block.squareOf(1)).toBeCloseTo(before, 13)
    expect(block.arithmetic.dot(block.placeOf(0), block.placeOf(1), 32)).toBeCloseTo(0, 14)
    expect([...block.numbers]).toEqual([
      expect.closeTo(block.squareOf(0), 13),
      expect.closeTo(block.squareOf(1), 13),
    ])
  })
})

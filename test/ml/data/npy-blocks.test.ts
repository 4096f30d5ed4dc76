import { describe, expect, it } from 'vitest'
import {
  npyBlocks,
  parseNpy,
  npyToMatrix,
  readNpyMatrix,
  writeNpy,
} from '../../../ml/data/index.ts'
import { errorOf } from './npy-bytes.ts'

function sourceOf(bytes: Uint8Array) {
  const ranges: number[] = []
  const read = async (start: number, end: number) => {
    ranges.push(end - start)
    return bytes.slice(start, end)
  }
  return { ranges, size: bytes.length, read }
}

async function blocksOf(bytes: Uint8Array, blockBytes: number) {
  const blocks = []
  for await (const block of npyBlocks(sourceOf(bytes), blockBytes)) blocks.push(block)
  return blocks
}

const [rows, cols] = [23, 37]
const data = Float32Array.from({ length: rows * cols }, (_, i) => i / 7)

describe('npyBlocks', () => {
  it.each([true, false])(
    'gives all rows in their order (Fortran order: %s)',
    async (fortranOrder) => {
      const bytes = writeNpy({ shape: [rows, cols], fortranOrder, data })
      const whole = npyToMatrix(parseNpy(bytes))
      for (const blockBytes of [1, cols * 4, cols * 4 * 5 + 1, 1e6]) {
        const blocks = await blocksOf(bytes, blockBytes)
        expect(blocks.flatMap((block) => [...block.data])).toEqual([...whole.data])
        expect(blocks.reduce((sum, block) => sum + block.rows, 0)).toBe(rows)
        expect(Math.max(...blocks.map((block) => block.rows))).toBe(
          Math.min(rows, Math.max(1, Math.floor(blockBytes / (cols * 4)))),
        )
      }
    },
  )

  it.each([true, false])(
    'reads no more than a block at once (Fortran order: %s)',
    async (fortranOrder) => {
      const source = sourceOf(writeNpy({ shape: [rows, cols], fortranOrder, data }))
      let blocks = 0
      for await (const block of npyBlocks(source, 600)) blocks += block.rows > 0 ? 1 : 0
      expect(blocks).toBe(6)
      expect(Math.max(...source.ranges)).toBeLessThanOrEqual(600)
    },
  )

  it('refuses an array of other axes, and one that is cut short', async () => {
    const flat = writeNpy({ shape: [3], data: Float64Array.of(1, 2, 3) })
    expect(await errorOf(() => blocksOf(flat, 100))).toMatchObject({ name: 'ShapeInvalid' })
    const bytes = writeNpy({ shape: [rows, cols], data })
    const short = {
      size: bytes.length,
      read: async (s: number, e: number) => bytes.slice(s, Math.min(e, 999)),
    }
    const all = async () => {
      for await (const block of npyBlocks(short, 600)) expect(block.cols).toBe(cols)
    }
    expect(await errorOf(all)).toMatchObject({ name: 'NpyInvalid' })
  })
})

describe('readNpyMatrix', () => {
  it.each([true, false])(
    'reads the whole a block at a time (Fortran order: %s)',
    async (fortranOrder) => {
      const bytes = writeNpy({ shape: [rows, cols], fortranOrder, data })
      const whole = npyToMatrix(parseNpy(bytes))
      for (const blockBytes of [1, 4 * 7, rows * 4 + 4, 1e6]) {
        const source = sourceOf(bytes)
        expect(await readNpyMatrix(source, blockBytes)).toEqual(whole)
        expect(Math.max(...source.ranges.slice(1))).toBeLessThanOrEqual(Math.max(4, blockBytes))
      }
    },
  )

  it('reads into the memory that it is given', async () => {
    const memory = new Float64Array(new SharedArrayBuffer(rows * cols * 8))
    const bytes = writeNpy({ shape: [rows, cols], data })
    const read = await readNpyMatrix(sourceOf(bytes), 100, () => memory)
    expect(read.data).toBe(memory)
    expect(memory[rows * cols - 1]).toBe(data.at(-1))
  })

  it.each([
    [true, { row: 1, column: 0 }],
    [false, { row: 0, column: 1 }],
  ])('names the integer that no double holds (Fortran order: %s)', async (fortranOrder, at) => {
    const integers = BigInt64Array.of(1n, 2n ** 53n + 1n, 3n, 4n)
    const bytes = writeNpy({ shape: [2, 2], fortranOrder, data: integers })
    const error = await readNpyMatrix(sourceOf(bytes), 8).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ name: 'IntegerInexact', ...at })
  })
})

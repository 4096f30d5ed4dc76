import { describe, expect, it } from 'vitest'
import { LogisticLoss } from '../../../../ml/models/linear/logistic-loss.ts'
import { Heap } from '../../../../ml/models/wasm/heap.ts'
import { blobs } from '../datasets.ts'

/** 150 rows are several blocks of 17 columns, and not a multiple of 4. */
function lossOf(classCount: number, kind: 'wasm' | 'plain' = 'wasm', mostBytes?: number) {
  const { X, y } = blobs(150, 17, classCount, { apart: 0.5 })
  const weights = Float64Array.from(y, (_, i) => 0.5 + (i % 3))
  let asked = 0
  const heapFor = (bytes: number) => {
    asked = bytes
    const heap = new Heap(bytes, kind)
    // What was there before is nobody's.
    heap.doubles(2048, Math.floor((heap.bytes - 2048) / 8)).fill(NaN)
    return heap
  }
  const loss = new LogisticLoss(
    { X, labels: Int32Array.from(y), classCount, weights, C: 2 },
    heapFor,
    mostBytes,
  )
  const wave = (start: number) =>
    Float64Array.from({ length: loss.size }, (_, j) => Math.sin(start + j) / 4)
  return { loss, point: wave(0), direction: wave(9), asked }
}

describe.each([2, 3])('LogisticLoss of %i classes', (classCount) => {
  it('has the derivatives of its value', () => {
    const { loss, point, direction } = lossOf(classCount)
    const [gradient, product] = [new Float64Array(loss.size), new Float64Array(loss.size)]
    loss.value(point)
    loss.gradient(gradient)
    loss.hessianTimes(direction, product)
    const at = (length: number) => {
      const moved = point.map((value, j) => value + length * direction[j]!)
      const value = loss.value(moved)
      const slope = new Float64Array(loss.size)
      loss.gradient(slope)
      return { value, slope }
    }
    const [before, after] = [at(-1e-5), at(1e-5)]
    expect((after.value - before.value) / 2e-5).toBeCloseTo(dot(gradient, direction), 7)
    product.forEach((value, j) => {
      expect((after.slope[j]! - before.slope[j]!) / 2e-5).toBeCloseTo(value, 7)
    })
  })

  it('has the same bits where it holds no copy of the rows, and then less memory', () => {
    const held = lossOf(classCount)
    const passing = lossOf(classCount, 'wasm', 0)
    const bitsOf = ({ loss, point, direction }: typeof held) =>
      [100, 150].map((rows) => {
        loss.useRows(rows)
        const value = loss.value(point)
        const [gradient, product] = [new Float64Array(loss.size), new Float64Array(loss.size)]
        const hessian = new Float64Array(loss.size ** 2)
        loss.gradient(gradient)
        loss.hessianTimes(direction, product)
        loss.hessian(hessian)
        return { value, gradient, product, hessian, ...loss.inOriginalUnits(point) }
      })
    expect(bitsOf(passing)).toEqual(bitsOf(held))
    // Rows of 18 doubles, 18 of 150 at a time… of which a block has 112.
    expect(held.asked - passing.asked).toBe((152 - 112) * 18 * 8)
  })

  it('has products with the Hessian that it writes, in whole and by blocks', () => {
    const { loss, point, direction } = lossOf(classCount)
    const { size, blockSize } = loss
    const product = new Float64Array(size)
    const hessian = new Float64Array(size * size)
    const block = new Float64Array(blockSize * blockSize)
    loss.value(point)
    loss.hessian(hessian)
    // Intercepts that rise alike are held in the Hessian alone.
    if (classCount > 2) {
      let sum = 0
      for (let j = blockSize - 1; j < size; j += blockSize) sum += direction[j]!
      for (let j = blockSize - 1; j < size; j += blockSize)
        direction[j]! -= (sum * blockSize) / size
    }
    loss.hessianTimes(direction, product)
    const entry = (j: number, l: number) => hessian[Math.min(j, l) * size + Math.max(j, l)]!
    product.forEach((value, j) => {
      expect(direction.reduce((sum, along, l) => sum + entry(j, l) * along, 0)).toBeCloseTo(
        value,
        12,
      )
    })
    const last = loss.size / blockSize - 1
    loss.hessianBlock(last, block)
    for (let j = 0; j < blockSize - 1; j++) {
      for (let l = j; l < blockSize; l++) {
        const whole = entry(last * blockSize + j, last * blockSize + l)
        expect(block[j * blockSize + l]).toBeCloseTo(whole, 12)
      }
    }
  })

  it('is the mean of the first rows alone where only these are in use', () => {
    const { loss, point } = lossOf(classCount)
    const all = loss.value(point)
    loss.useRows(32)
    expect(loss.value(point)).not.toBe(all)
    loss.useRows(150)
    expect(loss.value(point)).toBe(all)
  })

  it('is the same to the bit in plain TypeScript', () => {
    const [first, second] = (['wasm', 'plain'] as const).map((kind) => {
      const { loss, point, direction } = lossOf(classCount, kind)
      const [gradient, product] = [new Float64Array(loss.size), new Float64Array(loss.size)]
      const hessian = new Float64Array(loss.size ** 2)
      const value = loss.value(point)
      loss.gradient(gradient)
      loss.hessianTimes(direction, product)
      loss.hessian(hessian)
      return { value, gradient, product, hessian, found: loss.inOriginalUnits(point) }
    })
    expect(first).toEqual(second)
  })
})

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, j) => sum + value * b[j]!, 0)
}

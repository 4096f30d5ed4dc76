import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../ml/data/random.ts'
import {
  constantCurvature,
  curvatureOf,
  countOf,
  encodeCurvatures,
  mostRowsWithCurvature,
} from '../../../../ml/models/trees/boosting/curvature.ts'
import type { BoostingKernel, Scan } from '../../../../ml/models/trees/boosting/kernel.ts'
import { columnPlaces, columnSize } from '../../../../ml/models/trees/boosting/memory.ts'
import { plainKernel } from '../../../../ml/models/trees/boosting/plain-kernel.ts'
import { wasmKernel } from '../../../../ml/models/trees/boosting/wasm/wasm-kernel.ts'

describe('The boosting kernel in WebAssembly', () => {
  // Groups of 8, 4, 2 and 1 columns.
  const size = { rows: 900, columns: 15, slots: 3 }
  const pair = (): BoostingKernel[] => {
    const kernels = [plainKernel(size), wasmKernel(size)!]
    for (const { memory } of kernels) {
      const random = seededRandom(1)
      memory.bins.forEach((_, k) => (memory.bins[k] = Math.floor(random() ** 2 * 256)))
      memory.gradients.forEach((_, k) => {
        memory.gradients[k] = k % 2 === 0 ? random() - 0.5 : random() / 4
      })
      code = encodeCurvatures(memory.gradients)
      memory.rows.forEach((_, k) => (memory.rows[k] = (k * 7) % size.rows))
    }
    return kernels
  }
  let code = constantCurvature

  it('sums and subtracts to the bit as the plain one does', () => {
    const kernels = pair()
    for (const kernel of kernels) {
      kernel.sum(0, 0, size.rows)
      kernel.sum(2, 100, 371)
      kernel.subtract(0, 2)
    }
    const [plain, fast] = kernels.map(({ memory }) => memory.histograms)
    expect(fast).toEqual(plain)
    expect(plain!.some((value) => value !== 0)).toBe(true)
    // By hand, for one column of each group.
    const { memory } = kernels[1]!
    const { starts, strides } = columnPlaces(size.rows, size.columns)
    for (const column of [0, 7, 8, 13, 14]) {
      const sums = new Float64Array(columnSize)
      for (const row of memory.rows.slice(100, 371)) {
        const bin = memory.bins[starts[column]! + row * strides[column]!]!
        sums[2 * bin]! += memory.gradients[2 * row]!
        sums[2 * bin + 1]! += memory.gradients[2 * row + 1]!
      }
      const slot = 2 * size.columns * columnSize
      const at = slot + column * columnSize
      expect(memory.histograms.slice(at, at + columnSize)).toEqual(sums)
    }
  })

  it('finds the same split with the same sums', () => {
    for (const isConstant of [false, true]) {
      const kernels = pair()
      const { base, unit } = isConstant ? constantCurvature : code
      const results = kernels.map((kernel) => {
        const { gradients } = kernel.memory
        if (base === 0) for (let i = 1; i < gradients.length; i += 2) gradients[i] = 1
        kernel.sum(1, 0, size.rows)
        return Array.from({ length: size.columns }, (_, column) => {
          let [gradient, encoded] = [0, 0]
          for (let i = 0; i < size.rows; i++) {
            gradient += gradients[2 * i]!
            encoded += gradients[2 * i + 1]!
          }
          const scan: Scan = {
            gradient,
            encoded,
            rows: countOf({ base, unit }, encoded),
            curvature: curvatureOf({ base, unit }, encoded),
            own: 0,
            gradientSum: 0,
            encodedSum: 0,
            gain: 0,
            base,
            unit,
            minSamplesLeaf: 20,
            l2Regularization: 0.5,
          }
          const at = (size.columns + column) * columnSize
          const up = kernel.scan(at, 1, 255, scan)
          const found = { ...scan }
          scan.gain = 0
          const down = kernel.scan(at + 2 * 255, -1, 255, scan)
          return { up, down, found, scan }
        })
      })
      expect(results[1]).toEqual(results[0])
      for (const { up, down, found, scan } of results[0]!) {
        expect(found.rows).toBe(size.rows)
        expect(found.gain).toBeGreaterThan(0)
        // Both ways along the bins come to the same split, from either side of the empty bins.
        expect(up).toBeLessThanOrEqual(254 - down)
        expect(scan.gain).toBeCloseTo(found.gain, 9)
        expect(scan.encodedSum).toBe(found.encoded - found.encodedSum)
      }
    }
  })

  it('parts rows the same, each side in its order', () => {
    for (const column of [3, 9, 12, 14]) {
      const [plain, fast] = pair().map((kernel) => {
        kernel.memory.goesLeft.forEach(
          (_, bin) => (kernel.memory.goesLeft[bin] = bin % 3 === 0 ? 1 : 0),
        )
        const before = kernel.memory.rows.slice()
        const middle = kernel.part(column, 50, 800)
        const { rows } = kernel.memory
        const places = new Map(Array.from(before, (row, k) => [row, k]))
        const ascend = (from: number, to: number) =>
          rows
            .slice(from, to)
            .every((row, k) => k === 0 || places.get(row)! > places.get(rows[from + k - 1]!)!)
        expect([ascend(50, middle), ascend(middle, 800)]).toEqual([true, true])
        expect(rows.slice().sort()).toEqual(before.slice().sort())
        return { middle, rows }
      })
      expect(fast).toEqual(plain)
      expect(plain!.middle).toBeGreaterThan(50)
    }
  })
})

describe('A curvature and a count as one number', () => {
  const encoded = (curvatures: Float64Array) => {
    const derivatives = new Float64Array(2 * curvatures.length)
    curvatures.forEach((value, i) => (derivatives[2 * i + 1] = value))
    const code = encodeCurvatures(derivatives)
    return { code, values: derivatives.filter((_, at) => at % 2 === 1) }
  }
  const sumOf = (values: Float64Array) => values.reduce((total, value) => total + value, 0)

  it('come apart again, also as sums in any order', () => {
    for (const rows of [1, 2, 1000, 100_000]) {
      const random = seededRandom(rows)
      for (const greatest of [0.25, 1e-6]) {
        const curvatures = Float64Array.from({ length: rows }, () => random() * greatest)
        const { code, values } = encoded(curvatures)
        const sum = sumOf(values)
        expect(sumOf(values.toReversed())).toBe(sum)
        expect(countOf(code, sum)).toBe(rows)
        expect(curvatureOf(code, sum) / sumOf(curvatures)).toBeCloseTo(1, 4)
      }
    }
  })

  it('have room for as many rows as there may be, however great or small', () => {
    for (const curvature of [0.25, 1e-9, 0]) {
      const derivatives = new Float64Array(2 * mostRowsWithCurvature).fill(curvature)
      const code = encodeCurvatures(derivatives)
      // Of equal numbers, all of which are whole.
      const sum = mostRowsWithCurvature * derivatives[1]!
      expect(sum).toBeLessThan(2 ** 53)
      expect(countOf(code, sum)).toBe(mostRowsWithCurvature)
      const exact = mostRowsWithCurvature * curvature
      expect(Math.abs(curvatureOf(code, sum) - exact)).toBeLessThan(0.005 * exact + 1e-4)
    }
  })

  it('gives a row that is all but certain some curvature beside rows that are not', () => {
    const { code, values } = encoded(Float64Array.of(...new Float64Array(1000).fill(0.25), 1e-40))
    expect(curvatureOf(code, values.at(-1)!)).toBeGreaterThan(0)
    expect(curvatureOf(code, values.at(-1)!)).toBeLessThan(1e-10)
  })
})

import type { CutArithmetic } from './cut-arithmetic.ts'

/** The twin of `cuts.as` over the same kind of memory: even and odd places have results of their own. */
export function plainCuts(buffer: ArrayBuffer): CutArithmetic {
  const f64 = new Float64Array(buffer)
  const i32 = new Int32Array(buffer)
  return {
    range(values, count, out) {
      const from = values / 8
      const least = [Infinity, Infinity]
      const greatest = [-Infinity, -Infinity]
      for (let k = 0; k < count; k++) {
        const value = f64[from + k]!
        // The last of an odd count stands in both places.
        for (let lane = k & 1; lane < (k === count - 1 ? 2 : (k & 1) + 1); lane++) {
          if (value < least[lane]!) least[lane] = value
          if (value > greatest[lane]!) greatest[lane] = value
        }
      }
      f64[out / 8] = least[1]! < least[0]! ? least[1]! : least[0]!
      f64[out / 8 + 1] = greatest[1]! > greatest[0]! ? greatest[1]! : greatest[0]!
    },

    cutClasses(values, ends, classes, threshold, weights, left) {
      let rows = 0
      for (let c = 0, k = 0; c < classes; c++) {
        let weight = 0
        for (const end = i32[ends / 4 + c]!; k < end; k++) {
          if (!(f64[values / 8 + k]! <= threshold)) continue
          rows++
          weight += f64[weights / 8 + k]!
        }
        f64[left / 8 + c] = weight
      }
      return rows
    },

    cutSums(values, count, threshold, weights, sums, left) {
      let rows = 0
      let weight = 0
      const sum = [0, 0]
      for (let k = 0; k < count; k++) {
        if (!(f64[values / 8 + k]! <= threshold)) continue
        rows++
        weight += f64[weights / 8 + k]!
        sum[k & 1]! += f64[sums / 8 + k]!
      }
      f64[left / 8] = weight
      f64[left / 8 + 1] = sum[0]! + sum[1]!
      return rows
    },
  }
}

import type { LloydArithmetic } from './lloyd-arithmetic.ts'

/** Leads are believed when they hold by this share, which is far more than rounding can do. */
const slack = 1e-12

/** The twin of `lloyd.as` over the same kind of memory. */
export function plainArithmetic(buffer: ArrayBuffer): LloydArithmetic {
  const f64 = new Float64Array(buffer)
  const i32 = new Int32Array(buffer)
  let least = 0
  let next = 0

  const nearest = (row: number, cols: number, width: number, transposed: number): number => {
    let index = 0
    least = Infinity
    next = Infinity
    for (let c = 0; c < width; c++) {
      let square = 0
      for (let j = 0, at = transposed + c; j < cols; j++, at += width) {
        const difference = f64[row + j]! - f64[at]!
        square += difference * difference
      }
      if (square < least) {
        next = least
        least = square
        index = c
      } else if (square < next) next = square
    }
    return index
  }

  const lead = (): number => {
    const other = Math.sqrt(next)
    return other - Math.sqrt(least) - slack * other
  }

  const squareOf = (row: number, cols: number, centroid: number): number => {
    let square = 0
    for (let j = 0; j < cols; j++) {
      const difference = f64[row + j]! - f64[centroid + j]!
      square += difference * difference
    }
    return square
  }

  return {
    shift(rows, n, cols, origin, sums, squares) {
      for (let i = 0, at = rows / 8; i < n; i++) {
        for (let j = 0; j < cols; j++, at++) {
          const moved = f64[at]! - f64[origin / 8 + j]!
          f64[at] = moved
          f64[sums / 8 + j]! += moved
          f64[squares / 8 + j]! += moved * moved
        }
      }
    },

    assign(rows, n, cols, transposed, pairs, labels, leads, sums, counts) {
      for (let i = 0, row = rows / 8; i < n; i++, row += cols) {
        const label = nearest(row, cols, 2 * pairs, transposed / 8)
        i32[labels / 4 + i] = label
        f64[leads / 8 + i] = lead()
        f64[counts / 8 + label]!++
        for (let j = 0; j < cols; j++) f64[sums / 8 + label * cols + j]! += f64[row + j]!
      }
    },

    reassign(rows, n, cols, transposed, pairs, labels, leads, sums, counts, moved) {
      let changed = 0
      for (let i = 0, row = rows / 8; i < n; i++, row += cols) {
        const label = i32[labels / 4 + i]!
        if (f64[leads / 8 + i]! > f64[moved / 8 + label]! * (1 + slack)) continue
        const found = nearest(row, cols, 2 * pairs, transposed / 8)
        f64[leads / 8 + i] = lead() + f64[moved / 8 + found]!
        if (found === label) continue
        changed++
        i32[labels / 4 + i] = found
        f64[counts / 8 + label]!--
        f64[counts / 8 + found]!++
        for (let j = 0; j < cols; j++) f64[sums / 8 + label * cols + j]! -= f64[row + j]!
        for (let j = 0; j < cols; j++) f64[sums / 8 + found * cols + j]! += f64[row + j]!
      }
      return changed
    },

    potentials(rows, n, cols, transposed, pairs, squares, sums) {
      const width = 2 * pairs
      for (let i = 0, row = rows / 8; i < n; i++, row += cols) {
        const before = f64[squares / 8 + i]!
        for (let c = 0; c < width; c++) {
          let square = 0
          for (let j = 0, at = transposed / 8 + c; j < cols; j++, at += width) {
            const difference = f64[row + j]! - f64[at]!
            square += difference * difference
          }
          f64[sums / 8 + c]! += square < before ? square : before
        }
      }
    },

    claim(rows, n, cols, centroid, squares) {
      let sum = 0
      for (let i = 0, row = rows / 8; i < n; i++, row += cols) {
        const before = f64[squares / 8 + i]!
        const square = squareOf(row, cols, centroid / 8)
        const least = square < before ? square : before
        f64[squares / 8 + i] = least
        sum += least
      }
      return sum
    },

    inertia(rows, n, cols, centroids, labels) {
      let sum = 0
      for (let i = 0, row = rows / 8; i < n; i++, row += cols) {
        sum += squareOf(row, cols, centroids / 8 + i32[labels / 4 + i]! * cols)
      }
      return sum
    },
  }
}

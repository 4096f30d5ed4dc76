import type { WalkArithmetic } from './walk-arithmetic.ts'

/** The twin of `walk.as` over the same kind of memory. */
export function plainWalk(buffer: ArrayBuffer): WalkArithmetic {
  const f64 = new Float64Array(buffer)
  const i32 = new Int32Array(buffer)
  return {
    walk(nodes, rows, count, cols, out) {
      for (let i = 0, row = rows / 8; i < count; i++, row += cols) {
        let node = 0
        for (let before = -1; before !== node;) {
          before = node
          const word = i32[nodes / 4 + 4 * node + 2]!
          const value = f64[row + (word >> 3)]!
          const isMissing = Number.isNaN(value)
          const goesRight = isMissing ? (word & 1) === 1 : value > f64[nodes / 8 + 2 * node]!
          node = goesRight ? i32[nodes / 4 + 4 * node + 3]! : node + 1
        }
        i32[out / 4 + i] = node
      }
    },
  }
}

import { panelOffset, panelRows, type Arithmetic } from './arithmetic.ts'
import { plainSolver } from './plain-solver.ts'
import type { SolverArithmetic } from './solver-state.ts'

const log2e = 1.4426950408889634
const ln2 = 0.6931471805599453
const rounder = 6755399441055744
const leastExponent = -708
const leastCurvature = 1e-12
const halfPanel = panelRows / 2

/** The powers 2^-k that `exponential` scales by. */
let powers: Float64Array | undefined

/**
 * The arithmetic without WebAssembly: for small work, which it does without a start, and to check the
 * other by. Each function does what its twin in `kernels.as` does, in the same order.
 */
export function plainArithmetic(buffer: ArrayBuffer): Arithmetic {
  const doubles = new Float64Array(buffer)
  const singles = new Float32Array(buffer)
  const sums = new Float64Array(halfPanel)

  /** The products of a row with half a panel's rows, from row t on, into `sums`. */
  const multiply = (row: number, panels: number, t: number, cols: number) => {
    const start = panels + panelOffset(t, cols)
    // One by one, as a list of them would be made anew at each call.
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    let e = 0
    let f = 0
    let g = 0
    let h = 0
    for (let j = 0, at = start; j < cols; j++, at += panelRows) {
      const value = doubles[row + j]!
      a += value * doubles[at]!
      b += value * doubles[at + 1]!
      c += value * doubles[at + 2]!
      d += value * doubles[at + 3]!
      e += value * doubles[at + 4]!
      f += value * doubles[at + 5]!
      g += value * doubles[at + 6]!
      h += value * doubles[at + 7]!
    }
    sums[0] = a
    sums[1] = b
    sums[2] = c
    sums[3] = d
    sums[4] = e
    sums[5] = f
    sums[6] = g
    sums[7] = h
  }

  const rbfInto = (
    out: Float64Array | Float32Array,
    outAt: number,
    row: number,
    square: number,
    panels: number,
    squares: number,
    count: number,
    cols: number,
    gamma: number,
  ) => {
    const s = squares / 8
    for (let t = 0; t < count; t += halfPanel) {
      multiply(row / 8, panels / 8, t, cols)
      for (let k = 0; k < halfPanel; k++) {
        const distance = square + doubles[s + t + k]! - (sums[k]! + sums[k]!)
        out[outAt + t + k] = exponential(-gamma * (distance > 0 ? distance : 0))
      }
    }
  }

  const rows: Omit<Arithmetic, keyof SolverArithmetic> = {
    rbfRow(row, square, panels, squares, count, cols, gamma, out) {
      rbfInto(singles, out / 4, row, square, panels, squares, count, cols, gamma)
    },

    linearRow(row, panels, count, cols, out) {
      for (let t = 0; t < count; t += halfPanel) {
        multiply(row / 8, panels / 8, t, cols)
        singles.set(sums, out / 4 + t)
      }
    },

    rbfValues(row, numbers, panels, squares, count, cols, out) {
      const gamma = doubles[numbers / 8]!
      const square = doubles[numbers / 8 + 1]!
      rbfInto(doubles, out / 8, row, square, panels, squares, count, cols, gamma)
    },

    rbfValuesOfTwo(row, numbers, panels, squares, count, cols, out) {
      const gamma = doubles[numbers / 8]!
      const square = doubles[numbers / 8 + 1]!
      const otherSquare = doubles[numbers / 8 + 2]!
      const [other, outOther] = [row + 8 * cols, out + 8 * count]
      rbfInto(doubles, out / 8, row, square, panels, squares, count, cols, gamma)
      rbfInto(doubles, outOther / 8, other, otherSquare, panels, squares, count, cols, gamma)
    },

    dotProduct(first, second, count, out) {
      let a = 0
      let b = 0
      let c = 0
      let d = 0
      let e = 0
      let f = 0
      let g = 0
      let h = 0
      let x = first / 8
      let y = second / 8
      const whole = count - (count % 8)
      for (let t = 0; t < whole; t += 8, x += 8, y += 8) {
        a += doubles[x]! * doubles[y]!
        b += doubles[x + 1]! * doubles[y + 1]!
        c += doubles[x + 2]! * doubles[y + 2]!
        d += doubles[x + 3]! * doubles[y + 3]!
        e += doubles[x + 4]! * doubles[y + 4]!
        f += doubles[x + 5]! * doubles[y + 5]!
        g += doubles[x + 6]! * doubles[y + 6]!
        h += doubles[x + 7]! * doubles[y + 7]!
      }
      let rest = 0
      for (let t = whole; t < count; t++) rest += doubles[x++]! * doubles[y++]!
      doubles[out / 8] = a + c + (e + g) + (b + d + (f + h)) + rest
    },

    selectFalling(pull, status, diagonal, row, count, top, own) {
      const [p, s, q, r] = [pull / 8, status / 4, diagonal / 8, row / 4]
      let best = 0
      let bestAt = -1
      for (let t = 0; t < count; t++) {
        const difference = top - doubles[p + t]!
        if (!(difference > 0 && singles[s + t]! <= 0)) continue
        const kernel = singles[r + t]!
        const curvature = own + doubles[q + t]! - (kernel + kernel)
        const gain = (difference * difference) / Math.max(curvature, leastCurvature)
        if (gain >= best) {
          best = gain
          bestAt = t
        }
      }
      return bestAt
    },

    updatePulls(pull, status, rising, falling, count, step, ends) {
      const [p, s, r, f] = [pull / 8, status / 4, rising / 4, falling / 4]
      let highest = -Infinity
      let highestAt = -1
      let lowest = Infinity
      for (let t = 0; t < count; t++) {
        const updated = doubles[p + t]! + step * (singles[f + t]! - singles[r + t]!)
        doubles[p + t] = updated
        const state = singles[s + t]!
        if (state >= 0 && updated >= highest) {
          highest = updated
          highestAt = t
        }
        if (state <= 0 && updated < lowest) lowest = updated
      }
      doubles[ends / 8] = highest
      doubles[ends / 8 + 1] = lowest
      return highestAt
    },

    addRow(target, row, count, factor) {
      const [out, r] = [target / 8, row / 4]
      for (let t = 0; t < count; t++) doubles[out + t]! += factor * singles[r + t]!
    },

    rowsTimes(rows, count, cols, vector, out) {
      const [v, o] = [vector / 8, out / 8]
      for (let i = 0, x = rows / 8; i < count; i++, x += cols) {
        let even = 0
        let odd = 0
        for (let j = 0; j < cols; j += 2) {
          even += doubles[v + j]! * doubles[x + j]!
          odd += doubles[v + j + 1]! * doubles[x + j + 1]!
        }
        doubles[o + i] = even + odd
      }
    },

    transposedTimes(rows, count, cols, vector, out) {
      const [v, o] = [vector / 8, out / 8]
      for (let i = 0, x = rows / 8; i < count; i++, x += cols) {
        const factor = doubles[v + i]!
        for (let j = 0; j < cols; j++) doubles[o + j]! += factor * doubles[x + j]!
      }
    },

    weightedGram(rows, weights, count, cols, out) {
      const w = weights / 8
      for (let i = 0, x = rows / 8; i < count; i++, x += cols) {
        const weight = doubles[w + i]!
        for (let a = 0, line = out / 8; a < cols; a++, line += cols) {
          const factor = weight * doubles[x + a]!
          for (let b = a - (a % 2); b < cols; b++) doubles[line + b]! += factor * doubles[x + b]!
        }
      }
    },

    centreRows(rows, count, cols, centre, out, squares) {
      const [c, s] = [centre / 8, squares / 8]
      const width = cols + 2 - (cols % 2)
      for (let i = 0, x = rows / 8, o = out / 8; i < count; i++, x += cols, o += width) {
        for (let j = 0; j < cols; j++) {
          const value = doubles[x + j]! - doubles[c + j]!
          doubles[o + j] = value
          doubles[s + j]! += value * value
        }
        doubles[o + cols] = 1
        if (cols % 2 === 0) doubles[o + cols + 1] = 0
      }
    },

    exponentials(values, count) {
      for (let t = values / 8; t < values / 8 + count; t++) {
        doubles[t] = exponential(doubles[t]!)
      }
    },

    logisticPass(scores, targets, weights, count, residuals, curvatures) {
      const [s, y, w, r, c] = [scores, targets, weights, residuals, curvatures].map((p) => p / 8)
      let even = 0
      let odd = 0
      for (let t = 0; t < count; t++) {
        const score = doubles[s! + t]!
        const target = doubles[y! + t]!
        const weight = doubles[w! + t]!
        const e = exponential(-Math.abs(score))
        const probability = (score >= 0 ? 1 : e) / (1 + e)
        const other = (score >= 0 ? e : 1) / (1 + e)
        const linear = (score > 0 ? score : 0) - target * score
        const loss = weight * (linear + logOfOnePlus(e))
        if (t % 2 === 0) even += loss
        else odd += loss
        doubles[r! + t] = weight * (probability - target)
        doubles[c! + t] = weight * (probability * other)
      }
      return even + odd
    },
  }
  return { ...rows, ...plainSolver(buffer, rows) }
}

/**
 * e^x for x of at most 0, as 2^k e^r with r of at most half of log 2. The polynomial is the one of
 * degree 9 with p(0) = 1 whose greatest relative error there is the least: 1.5e-14.
 */
export function exponential(value: number): number {
  powers ??= Float64Array.from({ length: 1024 }, (_, k) => 2 ** -k)
  const x = value > leastExponent ? value : leastExponent
  const k = x * log2e + rounder - rounder
  const r = x - k * ln2
  const r2 = r * r
  let p = 2.4882017810948114e-5 + 2.7476764562189416e-6 * r
  p = 0.0013888808148780707 + 0.00019841603270247423 * r + p * r2
  p = 0.041666666985423435 + 0.008333333007537753 * r + p * r2
  p = 0.4999999999960994 + 0.16666666667746804 * r + p * r2
  p = 1 + 0.9999999999999132 * r + p * r2
  return p * powers[-k]!
}

/** log(1 + e) for e in [0, 1] as ½ log 2 + 2 artanh z, whose series ends fast: |z| is below 0.172. */
function logOfOnePlus(e: number): number {
  const z = (1 + e - Math.SQRT2) / (1 + e + Math.SQRT2)
  const z2 = z * z
  const z4 = z2 * z2
  let even = 1 / 17
  let odd = 1 / 19
  for (let k = 13; k > 0; k -= 4) {
    even = 1 / k + even * z4
    odd = 1 / (k + 2) + odd * z4
  }
  return 0.34657359027997264 + (z + z) * (even + odd * z2)
}

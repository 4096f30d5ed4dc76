import type { VectorArithmetic } from './vector-arithmetic.ts'

/** The twin of `vectors.as` over the same kind of memory. */
export function plainArithmetic(buffer: ArrayBuffer): VectorArithmetic {
  const f64 = new Float64Array(buffer)

  const dot = (a: number, b: number, length: number): number => {
    const [first, other] = [a / 8, b / 8]
    const sums = [0, 0, 0, 0, 0, 0, 0, 0]
    for (let at = 0; at < length; at += 8) {
      for (let lane = 0; lane < 8; lane++) {
        sums[lane]! += f64[first + at + lane]! * f64[other + at + lane]!
      }
    }
    const [s0, s1, t0, t1, u0, u1, v0, v1] = sums as [
      ...[number, number, number, number],
      ...[number, number, number, number],
    ]
    return s0 + t0 + (u0 + v0) + (s1 + t1 + (u1 + v1))
  }

  /** The same product, with two sums. */
  const product = (a: number, b: number, length: number): number => {
    const [first, other] = [a / 8, b / 8]
    let even = 0
    let odd = 0
    for (let at = 0; at < length; at += 2) {
      even += f64[first + at]! * f64[other + at]!
      odd += f64[first + at + 1]! * f64[other + at + 1]!
    }
    return even + odd
  }

  const squareAfter = (vector: number, length: number, before: number, after: number): number =>
    after > 0.5 * before ? after : dot(vector, vector, length)

  return {
    dot,

    products(a, first, stride, count, length, out) {
      for (let k = 0; k < count; k++) f64[out / 8 + k]! += product(a, first + k * stride, length)
    },

    gram(vectors, stride, from, to, count, length, out) {
      for (let j = from; j < to; j++) {
        // They are taken in twos, from the first of the two on.
        const first = (j - from) % 2 === 0 ? j : j - 1
        for (let k = first; k < count; k++) {
          const own = product(vectors + j * stride, vectors + k * stride, length)
          f64[out / 8 + j * count + k]! += own
        }
      }
    },

    reflect(v, head, heads, first, stride, count, length, factor) {
      for (let k = 0; k < count; k++) {
        const place = first + k * stride
        const own = f64[heads / 8 + k]!
        const taken = factor * (head * own + product(v, place, length))
        f64[heads / 8 + k] = own - taken * head
        for (let at = 0; at < length; at++) f64[place / 8 + at]! -= taken * f64[v / 8 + at]!
      }
    },

    turn(vectors, stride, p, from, to, length, squares, least) {
      const a = vectors + p * stride
      let turns = 0
      let pp = f64[squares / 8 + p]!
      for (let q = from; q < to; q++) {
        const b = vectors + q * stride
        const qq = f64[squares / 8 + q]!
        const pq = dot(a, b, length)
        if (!(Math.abs(pq) > least * Math.sqrt(pp) * Math.sqrt(qq))) continue
        turns++
        const zeta = (qq - pp) / (2 * pq)
        const size = Math.abs(zeta)
        const tangent =
          size > 1e150 ? 0.5 / zeta : (zeta < 0 ? -1 : 1) / (size + Math.sqrt(1 + zeta * zeta))
        const cosine = 1 / Math.sqrt(1 + tangent * tangent)
        const sine = cosine * tangent
        for (let at = 0, i = a / 8, j = b / 8; at < length; at++, i++, j++) {
          const [x, y] = [f64[i]!, f64[j]!]
          f64[i] = cosine * x - sine * y
          f64[j] = sine * x + cosine * y
        }
        const moved = tangent * pq
        pp = squareAfter(a, length, pp, pp - moved)
        f64[squares / 8 + q] = squareAfter(b, length, qq, qq + moved)
      }
      f64[squares / 8 + p] = pp
      return turns
    },
  }
}

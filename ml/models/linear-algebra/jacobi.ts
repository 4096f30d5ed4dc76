const mostSweeps = 60

/**
 * Turns `count` vectors (rows of `vectors`, `length` each) until every two are at right angles, by
 * plane rotations which `companions` (count × count) goes along with: one-sided Jacobi. With the
 * columns of A as vectors and the unit matrix as companions, the vectors end as σu and the companions
 * as v of A's singular value decomposition, the small σ as exact as the great ones where the columns
 * merely differ in scale (Demmel and Veselić, "Jacobi's method is more accurate than QR", 1992).
 *
 * @returns the lengths of the vectors, σ, in their order; they do not come sorted
 */
export function orthogonalize(
  vectors: Float64Array,
  companions: Float64Array,
  count: number,
  length: number,
): Float64Array {
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    let turned = false
    for (let p = 0; p < count - 1; p++) {
      for (let q = p + 1; q < count; q++) {
        const pp = dot(vectors, p * length, p * length, length)
        const qq = dot(vectors, q * length, q * length, length)
        const pq = dot(vectors, p * length, q * length, length)
        if (Math.abs(pq) <= Number.EPSILON * Math.sqrt(pp) * Math.sqrt(qq)) continue
        turned = true
        const zeta = (qq - pp) / (2 * pq)
        const tangent =
          Math.abs(zeta) > 1e150
            ? 1 / (2 * zeta)
            : Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta))
        const cosine = 1 / Math.sqrt(1 + tangent * tangent)
        const sine = cosine * tangent
        rotate(vectors, p * length, q * length, length, cosine, sine)
        rotate(companions, p * count, q * count, count, cosine, sine)
      }
    }
    if (!turned) break
  }
  return Float64Array.from({ length: count }, (_, i) =>
    Math.sqrt(dot(vectors, i * length, i * length, length)),
  )
}

function dot(values: Float64Array, a: number, b: number, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += values[a + i]! * values[b + i]!
  return sum
}

function rotate(
  values: Float64Array,
  a: number,
  b: number,
  length: number,
  cosine: number,
  sine: number,
): void {
  for (let i = 0; i < length; i++) {
    const left = values[a + i]!
    const right = values[b + i]!
    values[a + i] = cosine * left - sine * right
    values[b + i] = sine * left + cosine * right
  }
}

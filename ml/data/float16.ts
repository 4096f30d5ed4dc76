/**
 * Widens IEEE 754 half-precision values to `out`, exactly; NaNs keep their payload. `out` may share
 * its buffer with `halves` when `halves` is the buffer's upper half: no value is overwritten before
 * it is read.
 */
export function widenHalves(halves: Uint16Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length)
  for (let i = 0; i < halves.length; i++) bits[i] = singleBits(halves[i]!)
}

/**
 * Rounds to half precision, to nearest and ties to even; from 65,520 on it becomes infinite. NaNs
 * keep what fits of their payload.
 */
export function narrowToHalves(values: Float32Array, out: Uint16Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) out[i] = halfBits(bits[i]!)
}

function singleBits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13)
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  // Subnormal in half precision, normal in single: shift the leading one to the hidden bit.
  const shift = Math.clz32(fraction) - 21
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}

function halfBits(single: number): number {
  const sign = (single >>> 16) & 0x8000
  const magnitude = single & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 1)
  if (magnitude >= 0x47800000) return sign | 0x7c00
  if (magnitude >= 0x38800000) {
    // A carry out of the fraction is right too: it goes to the exponent, up to infinity.
    return sign | ((magnitude - 0x38000000 + 0x0fff + ((magnitude >>> 13) & 1)) >>> 13)
  }
  if (magnitude < 0x33000000) return sign
  const shift = 126 - (magnitude >>> 23)
  const fraction = (magnitude & 0x7fffff) | 0x800000
  const kept = fraction >>> shift
  const lost = fraction & ((1 << shift) - 1)
  const half = 1 << (shift - 1)
  const roundsUp = lost > half || (lost === half && (kept & 1) === 1)
  return sign | (kept + (roundsUp ? 1 : 0))
}

/** A source of uniform doubles in [0, 1). The same seed gives the same sequence everywhere. */
export type Random = () => number

/**
 * Chris Doty-Humphrey's sfc32 (PractRand), seeded from one 32-bit integer.
 * 128 bits of state, period about 2^127 on average; 32 random bits a call.
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed | 0
  let counter = 1
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 4294967296
  }
  // The first outputs still show the seed's structure.
  for (let i = 0; i < 12; i++) next()
  return next
}

/** The first 32 bits of a hex digest as a seed: the same bytes in, the same numbers out. */
export function seedFromDigest(hexDigest: string): number {
  return Number.parseInt(hexDigest.slice(0, 8), 16) | 0
}

/** A Fisher-Yates shuffle of 0 … n-1. */
export function permutation(n: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
  return order
}

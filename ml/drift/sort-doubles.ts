/**
 * Sorts doubles without NaN in place, in ascending order, -0 before 0: what `sort()` does, several
 * times as fast for long arrays. A radix sort by the upper half of each double (sign, exponent and 20
 * bits of the fraction), 11 bits a pass; the few values that agree there are put in order after it.
 */
export function sortDoubles(values: Float64Array): Float64Array {
  const n = values.length
  if (n < leastLength || !isLittleEndian) return values.sort()
  if (scratch.length < n) scratch = new Float64Array(n)
  const other = scratch.subarray(0, n)
  const counts = countDigits(values)
  scatter(values, other, counts, 0)
  scatter(other, values, counts, 1)
  scatter(values, other, counts, 2)
  values.set(other)
  sortTies(values)
  return values
}

/** Below it the passes cost more than they save. */
const leastLength = 4096

const digitBits = 11
const radix = 1 << digitBits
const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Room for a copy, kept for the next sort. */
let scratch = new Float64Array(0)

/** Where the values of each digit begin, for all three digits. */
function countDigits(values: Float64Array): Int32Array {
  const words = wordsOf(values)
  const counts = new Int32Array(3 * radix)
  for (let i = 1; i < words.length; i += 2) {
    const key = keyOf(words[i]!)
    counts[key & (radix - 1)]!++
    counts[radix + ((key >>> digitBits) & (radix - 1))]!++
    counts[2 * radix + (key >>> (2 * digitBits))]!++
  }
  for (let digit = 0; digit < 3; digit++) {
    let before = 0
    for (let k = digit * radix; k < (digit + 1) * radix; k++) {
      const count = counts[k]!
      counts[k] = before
      before += count
    }
  }
  return counts
}

function scatter(from: Float64Array, to: Float64Array, places: Int32Array, digit: number): void {
  const words = wordsOf(from)
  const first = digit * radix
  const shift = digit * digitBits
  for (let i = 0; i < from.length; i++) {
    const place = first + ((keyOf(words[2 * i + 1]!) >>> shift) & (radix - 1))
    to[places[place]!++] = from[i]!
  }
}

/** Sorts each run of values whose upper halves agree. */
function sortTies(values: Float64Array): void {
  const words = wordsOf(values)
  const n = values.length
  let start = 0
  while (start < n) {
    const upper = words[2 * start + 1]!
    let end = start + 1
    let isSorted = true
    while (end < n && words[2 * end + 1]! === upper) {
      if (values[end]! < values[end - 1]!) isSorted = false
      end++
    }
    if (!isSorted) values.subarray(start, end).sort()
    start = end
  }
}

function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, 2 * values.length)
}

/** The upper half such that unsigned order is the order of the doubles. */
function keyOf(upper: number): number {
  return (upper ^ ((upper >> 31) | 0x80000000)) >>> 0
}

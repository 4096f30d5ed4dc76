export interface ValueHistogram {
  /** One more than counts, rising; the first and the last are the least and the greatest value. */
  readonly edges: number[]
  readonly counts: number[]
}

/**
 * Counts the finite values in bins of equal width from the least to the greatest, a value on an edge in
 * the bin above; one bin where all are equal, none where there is no value.
 *
 * @param bins 1 or more
 */
export function histogram(values: Float64Array, bins: number): ValueHistogram {
  let [min, max] = [Infinity, -Infinity]
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    if (value < min) min = value
    if (value > max) max = value
  }
  if (min > max) return { edges: [], counts: [] }
  // Taken apart, since the difference of two doubles can overflow.
  const width = max / bins - min / bins
  const used = min === max || width === 0 ? 1 : bins
  const counts = Array.from({ length: used }, () => 0)
  for (const value of values) {
    if (!Number.isFinite(value)) continue
    const bin = used === 1 ? 0 : Math.floor(value / width - min / width)
    counts[Math.min(Math.max(bin, 0), used - 1)]!++
  }
  const edges = counts.map((_, bin) => min * (1 - bin / used) + max * (bin / used))
  return { edges: [...edges, max], counts }
}

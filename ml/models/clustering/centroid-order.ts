/** Coordinates that differ by less than this share of their column's range count as equal. */
const grain = 1e-7

/**
 * The order of centroids (k × d, row-major) by their first coordinate, of equals by the second, and
 * so on, so that equal clusters get equal numbers whatever the order of the rows was. Coordinates are
 * rounded first: their last digits do depend on the order of the rows.
 */
export function centroidOrder(centroids: Float64Array, k: number): number[] {
  const d = centroids.length / k
  const keys = new Float64Array(centroids.length)
  for (let j = 0; j < d; j++) {
    let [least, most] = [Infinity, -Infinity]
    for (let c = 0; c < k; c++) {
      least = Math.min(least, centroids[c * d + j]!)
      most = Math.max(most, centroids[c * d + j]!)
    }
    const step = (most - least) * grain
    for (let c = 0; c < k && step > 0; c++) {
      keys[c * d + j] = Math.round((centroids[c * d + j]! - least) / step)
    }
  }
  const compare = (a: number, b: number) => {
    for (let j = 0; j < d; j++) {
      const difference = keys[a * d + j]! - keys[b * d + j]!
      if (difference !== 0) return difference
    }
    return a - b
  }
  return Array.from({ length: k }, (_, c) => c).sort(compare)
}

/**
 * The two-sample Kolmogorov-Smirnov test on ascending samples of n and m values: the largest
 * distance between their empirical distribution functions, and the chance of one at least as large
 * when both come from one continuous distribution. With ties the p value is on the safe side.
 *
 * Exact where n·m is at most 100,000: the share of lattice paths from (0, 0) to (n, m) that reach
 * the distance (J. L. Hodges: The significance probability of the Smirnov two-sample test. Arkiv
 * för Matematik 3 (1958), 469-486). Beyond it Smirnov's limit at λ = D·√(nm / (n + m)) (N. Smirnov:
 * Table for estimating the goodness of fit of empirical distributions. Annals of Mathematical
 * Statistics 19 (1948), 279-281), which is on the safe side too.
 */
export function kolmogorovSmirnov(
  a: Float64Array,
  b: Float64Array,
): { statistic: number; pValue: number } {
  const [n, m] = [a.length, b.length]
  // In whole numbers, times n·m, so that equal distances compare equal.
  let largest = 0
  let i = 0
  let j = 0
  while (i < n && j < m) {
    const value = Math.min(a[i]!, b[j]!)
    while (i < n && a[i]! <= value) i++
    while (j < m && b[j]! <= value) j++
    largest = Math.max(largest, Math.abs(i * m - j * n))
  }
  const statistic = largest / (n * m)
  const pValue =
    n * m <= exactUpTo
      ? pathsThatReach(largest, n, m)
      : smirnovLimit(statistic * Math.sqrt((n / (n + m)) * m))
  return { statistic, pValue }
}

/**
 * The Wasserstein-1 (earth mover's) distance of two ascending samples of n and m values, in units
 * of the values: the area between their quantile functions.
 */
export function wasserstein(a: Float64Array, b: Float64Array): number {
  const [n, m] = [a.length, b.length]
  let area = 0
  // The level of both functions, times n·m, so that equal levels compare equal.
  let level = 0
  let i = 0
  let j = 0
  while (i < n && j < m) {
    const endOfA = (i + 1) * m
    const endOfB = (j + 1) * n
    const next = endOfA < endOfB ? endOfA : endOfB
    area += (next - level) * Math.abs(a[i]! - b[j]!)
    level = next
    if (endOfA === next) i++
    if (endOfB === next) j++
  }
  return area / (n * m)
}

/**
 * The population stability index of two histograms over the same bins: Σ (q - p)·ln(q / p), the
 * symmetrised Kullback-Leibler divergence. Half a row is added to every bin, so that an empty one
 * stays finite. By custom 0.1 is a small shift and 0.25 a large one (N. Siddiqi: Credit Risk
 * Scorecards (2006)).
 */
export function populationStabilityIndex(
  expected: readonly number[],
  actual: readonly number[],
): number {
  const shares = (counts: readonly number[]) => {
    const total = counts.reduce((sum, count) => sum + count + 0.5, 0)
    return counts.map((count) => (count + 0.5) / total)
  }
  const p = shares(expected)
  const q = shares(actual)
  return p.reduce((sum, share, bin) => sum + (q[bin]! - share) * Math.log(q[bin]! / share), 0)
}

/**
 * Holm's step-down correction: p values such that rejecting those at most α keeps the chance of
 * any false rejection at α, whatever the tests' dependence (S. Holm: A simple sequentially
 * rejective multiple test procedure. Scandinavian Journal of Statistics 6 (1979), 65-70).
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const adjusted = new Array<number>(pValues.length)
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!)
  let largest = 0
  order.forEach((i, rank) => {
    largest = Math.min(1, Math.max(largest, pValues[i]! * (pValues.length - rank)))
    adjusted[i] = largest
  })
  return adjusted
}

/** The exact test's cost: one step for each of the n·m lattice points. */
const exactUpTo = 100_000

/**
 * Of all paths from (0, 0) to (n, m), the share that touches a point (i, j) with
 * |i·m - j·n| ≥ `distance`, row by row: a path to (i, j) comes from (i - 1, j) with chance
 * i / (i + j), else from (i, j - 1).
 */
function pathsThatReach(distance: number, n: number, m: number): number {
  if (distance === 0) return 1
  const reached = new Float64Array(m + 1)
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      if (Math.abs(i * m - j * n) >= distance) {
        reached[j] = 1
      } else {
        const fromLeft = j === 0 ? 0 : (reached[j - 1]! * j) / (i + j)
        const fromBelow = i === 0 ? 0 : (reached[j]! * i) / (i + j)
        reached[j] = fromLeft + fromBelow
      }
    }
  }
  return reached[m]!
}

/** 2·Σ (-1)^(k-1)·exp(-2k²λ²): the chance that Kolmogorov's limit distribution exceeds λ. */
function smirnovLimit(lambda: number): number {
  // Below, the series converges slowly and the chance differs from 1 by less than 1e-15.
  if (lambda < 0.18) return 1
  let sum = 0
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * lambda * lambda)
    sum += k % 2 === 1 ? term : -term
    if (term < 1e-18) break
  }
  return Math.min(1, Math.max(0, 2 * sum))
}

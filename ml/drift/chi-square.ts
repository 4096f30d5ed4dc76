import { gammaln } from 'simple-statistics'

export interface ChiSquare {
  readonly statistic: number
  readonly degreesOfFreedom: number
  readonly pValue: number
}

/**
 * The chi-square test of homogeneity: whether two samples, counted by the same categories, may come
 * from one distribution. Categories of which fewer than five are expected in either sample are
 * counted together, as the limit holds only beyond (W. G. Cochran: Some methods for strengthening
 * the common χ² tests. Biometrics 10 (1954), 417-451). With one category left, or a sample that has
 * none of them, the p value is 1.
 */
export function chiSquare(a: readonly number[], b: readonly number[]): ChiSquare {
  const n = sum(a)
  const m = sum(b)
  if (Math.min(n, m) === 0) return { statistic: 0, degreesOfFreedom: 0, pValue: 1 }
  const leastShare = leastExpected / Math.min(n, m)
  const pooled = poolRare(
    a.map((count, k) => [count, b[k]!] as const),
    leastShare * (n + m),
  )
  const statistic = pooled.reduce((total, [inA, inB]) => {
    const share = (inA + inB) / (n + m)
    return total + (inA - share * n) ** 2 / (share * n) + (inB - share * m) ** 2 / (share * m)
  }, 0)
  const degreesOfFreedom = Math.max(0, pooled.length - 1)
  const pValue = degreesOfFreedom === 0 ? 1 : upperGamma(degreesOfFreedom / 2, statistic / 2)
  return { statistic, degreesOfFreedom, pValue }
}

/**
 * The chance that all of `found` things among n + m fall among the m: the p value of categories that
 * only the second of two samples has, exactly.
 */
export function chanceOfNew(found: number, n: number, m: number): number {
  let chance = 1
  for (let i = 0; i < found && chance > 0; i++) chance *= (m - i) / (n + m - i)
  return chance
}

type Pair = readonly [number, number]

const leastExpected = 5

/** The categories of at least `least` in both samples together, and the others as one. */
function poolRare(pairs: readonly Pair[], least: number): Pair[] {
  const seen = pairs.filter(([a, b]) => a + b > 0)
  const common = seen.filter(([a, b]) => a + b >= least).sort((x, y) => x[0] + x[1] - y[0] - y[1])
  const rare = seen.filter(([a, b]) => a + b < least)
  if (rare.length === 0) return common
  const pool: Pair = [sum(rare.map(([a]) => a)), sum(rare.map(([, b]) => b))]
  if (pool[0] + pool[1] >= least || common.length === 0) return [pool, ...common]
  const [smallest, ...others] = common
  return [[smallest![0] + pool[0], smallest![1] + pool[1]], ...others]
}

/**
 * The regularised upper incomplete gamma function Q(s, x): the chance that a chi-square variable of
 * 2·s degrees of freedom exceeds 2·x. By its series below s + 1, by Legendre's continued fraction
 * (modified Lentz) above.
 */
function upperGamma(s: number, x: number): number {
  if (x <= 0) return 1
  const scale = Math.exp(s * Math.log(x) - x - gammaln(s))
  if (x < s + 1) {
    let term = 1 / s
    let series = term
    for (let k = 1; k < maxTerms && term > series * 1e-16; k++) {
      term *= x / (s + k)
      series += term
    }
    return Math.max(0, 1 - scale * series)
  }
  let b = x + 1 - s
  let c = Infinity
  let d = 1 / b
  let fraction = d
  for (let k = 1; k < maxTerms; k++) {
    const numerator = -k * (k - s)
    b += 2
    d = 1 / (numerator * d + b)
    c = b + numerator / c
    fraction *= c * d
    if (Math.abs(c * d - 1) < 1e-15) break
  }
  return Math.min(1, scale * fraction)
}

/** Of either expansion; the number needed grows with the root of the degrees of freedom. */
const maxTerms = 10_000

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

import type { Random } from '../../ml/data/index.ts'

/** Logarithmic standard deviation of the time that functions take for the same work. */
export const spread = 0.15

/** Of mean 0 and variance 1. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

import { seededRandom, type Random } from '../../ml/data/random.ts'

/** A source of the next value of a stream. */
export type Draw = () => number

/** Stationary streams: a draw from one uniform source, the same for the same seed. */
export const distributions = {
  'normal, mean 0, deviation 1': (random) => () => normal(random),
  'normal, mean 1,000, deviation 50': (random) => () => 1000 + 50 * normal(random),
  'uniform in [0, 1)': (random) => random,
  'exponential, mean 1': (random) => () => exponential(random),
  'Laplace, scale 1': (random) => () => (random() < 0.5 ? -1 : 1) * exponential(random),
  'Student t, 3 degrees': (random) => () => student(random, 3),
  Cauchy: (random) => () => student(random, 1),
  'log-normal, σ 1': (random) => () => Math.exp(normal(random)),
  'Poisson, mean 4': (random) => () => poisson(random, 4),
  'yes or no, 10% yes': (random) => () => (random() < 0.1 ? 1 : 0),
} as const satisfies Record<string, (random: Random) => Draw>

export type DistributionName = keyof typeof distributions

/** Where a change is: how far it has come, from 0 (before) to 1, `i` values after it began. */
export const changes = {
  abrupt: () => 1,
  gradual: (i) => Math.min(1, i / 1000),
  recurring: (i) => (Math.floor(i / 1000) % 2 === 0 ? 1 : 0),
  variance: () => 1,
} as const satisfies Record<string, (i: number) => number>

export type ChangeName = keyof typeof changes

/**
 * A feature of mean 1,000 and deviation 50: from value `start` on the mean is a deviation higher, or
 * the deviation twice as large.
 */
export function changingFeature(change: ChangeName, start: number, seed: number): Draw {
  const random = seededRandom(seed)
  let i = -start
  return () => {
    const extent = i < 0 ? 0 : changes[change](i)
    i++
    const z = normal(random)
    return 1000 + 50 * (change === 'variance' ? z * (1 + extent) : z + extent)
  }
}

/** Errors of a classifier that is wrong in 10%, and from value `start` on in 30%. */
export function changingErrors(change: ChangeName, start: number, seed: number): Draw {
  const random = seededRandom(seed)
  let i = -start
  return () => {
    const extent = i < 0 ? 0 : changes[change](i)
    i++
    return random() < 0.1 + 0.2 * extent ? 1 : 0
  }
}

/** Errors of a classifier that is wrong in a fixed share. */
export function errorsAt(rate: number, seed: number): Draw {
  const random = seededRandom(seed)
  return () => (random() < rate ? 1 : 0)
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

function exponential(random: Random): number {
  return -Math.log(1 - random())
}

function student(random: Random, degrees: number): number {
  let squares = 0
  for (let i = 0; i < degrees; i++) squares += normal(random) ** 2
  return normal(random) / Math.sqrt(squares / degrees)
}

function poisson(random: Random, mean: number): number {
  let count = -1
  for (let product = 1; product > Math.exp(-mean); count++) product *= random()
  return count
}

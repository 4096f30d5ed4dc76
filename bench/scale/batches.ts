import { seededRandom } from '../../ml/data/index.ts'
import { batchCounters, hasCounters } from '../../tasks/batch-counters.ts'
import {
  estimateBatch,
  type BatchEstimate,
  type BatchWork,
} from '../../tasks/planning/batch-plan.ts'
import { costOf } from '../../tasks/planning/cost.ts'
import { limits } from '../../tasks/planning/limits.ts'
import batch from '../../workflows/batch.asl.json' with { type: 'json' }
import { assumedStart, failures, transactionSeconds } from './assumed.ts'
import { simulateMapRun, type MapRun, type MapRunLimits, type MapRunOutcome } from './map-run.ts'
import { normal, spread } from './noise.ts'
import { policyOf, type RetryState } from './policies.ts'

export interface BatchScenario extends BatchWork {
  readonly concurrency: number
  readonly accountConcurrency: number
}

export interface SimulatedBatch {
  readonly estimate: BatchEstimate
  readonly map: MapRunOutcome
  /** From the start of the execution to its end. */
  readonly seconds: number
  /** At list prices, with the time that functions waited. */
  readonly dollars: number
  /** What the batch is shortened by most when there is twice as much of it. */
  readonly binds: string
}

const usual: MapRunLimits = {
  functions: limits.lambda.concurrency,
  scaling: limits.lambda.scaling,
  starts: limits.stepFunctions.startExpress,
  gets: bucketOf(limits.s3.getsPerSecond),
  puts: bucketOf(limits.s3.putsPerSecond),
  writes: bucketOf(limits.dynamodb.writesPerSecond),
  counterSeconds: transactionSeconds,
  start: assumedStart,
}

/** A batch as it is planned, with every child's start, work and end. Seeded. */
export function simulateBatch(scenario: BatchScenario): SimulatedBatch {
  const estimate = estimateBatch(scenario)
  const map = simulateMapRun(mapRunOf(scenario, usual))
  const { ranges, childSeconds, cost } = estimate
  const waited = map.functionSeconds - ranges * childSeconds
  const { mebibytesPerProcessor } = limits.lambda
  const waiting = costOf({ lambdaGbSeconds: (waited * mebibytesPerProcessor) / 1024 })
  return {
    estimate,
    map,
    seconds: wholeSeconds(estimate, map),
    dollars: cost.total + waiting.total,
    binds: bindingOf(scenario),
  }
}

function wholeSeconds({ seconds }: BatchEstimate, map: MapRunOutcome): number {
  return seconds.plan + map.seconds + seconds.join
}

/** The same batch with twice as much of one thing: what shortens it most, by a twentieth at least. */
function bindingOf(scenario: BatchScenario): string {
  const { concurrency, accountConcurrency } = scenario
  const double = ({ rate, burst }: { rate: number; burst: number }) => ({
    rate: 2 * rate,
    burst: 2 * burst,
  })
  const { environments, seconds } = usual.scaling
  const doubled: Record<string, [BatchScenario, Partial<MapRunLimits>]> = {
    'children at one time': [{ ...scenario, concurrency: 2 * concurrency }, {}],
    'functions of the account': [
      { ...scenario, concurrency: 2 * concurrency, accountConcurrency: 2 * accountConcurrency },
      { functions: 2 * usual.functions },
    ],
    'growth of the function': [scenario, { scaling: { environments: 2 * environments, seconds } }],
    'starts of children': [scenario, { starts: double(usual.starts) }],
    'requests to the bucket': [scenario, { gets: double(usual.gets), puts: double(usual.puts) }],
    'writes of one partition': [scenario, { writes: double(usual.writes) }],
    'counters of the batch': [scenario, { counterSeconds: usual.counterSeconds / 2 }],
  }
  const secondsOf = (wider: BatchScenario, changed: Partial<MapRunLimits>) =>
    wholeSeconds(estimateBatch(wider), simulateMapRun(mapRunOf(wider, { ...usual, ...changed })))
  const whole = secondsOf(scenario, {})
  const found = Object.entries(doubled)
    .map(([name, [wider, changed]]) => ({ name, seconds: secondsOf(wider, changed) }))
    .toSorted((a, b) => a.seconds - b.seconds)
  const joined = whole - estimateBatch(scenario).seconds.join / 2
  const best = found[0]!
  if (joined < best.seconds && joined < 0.95 * whole) return 'joining'
  return best.seconds < 0.95 * whole ? best.name : 'the time of one child'
}

function mapRunOf(scenario: BatchScenario, limits: MapRunLimits): MapRun {
  const estimate = estimateBatch(scenario)
  const { ranges, concurrency, childSeconds } = estimate
  const random = seededRandom(ranges)
  return {
    children: ranges,
    concurrency,
    work: () => childSeconds * Math.exp(spread * normal(random)),
    gets: Math.round(estimate.s3Gets / ranges),
    puts: Math.round(estimate.s3Puts / ranges),
    writes: Math.round(estimate.dynamodbWrites / ranges),
    counters: hasCounters(ranges) ? batchCounters : 1,
    failures,
    retries: {
      throttled: policyOf(predictRange, 'Lambda.TooManyRequestsException'),
      failed: policyOf(predictRange, 'States.ALL'),
    },
    limits,
    random,
  }
}

const predictRange: RetryState = batch.States.Predict.ItemProcessor.States.PredictRange

/** A second's worth at once. */
function bucketOf(rate: number) {
  return { rate, burst: rate }
}

import { maxDatasetBytes } from '../dataset.ts'
import type { BatchEstimate } from './batch-plan.ts'
import type { DatasetSketch } from './dataset-sketch.ts'
import { limits } from './limits.ts'
import type { TrainingPlan } from './training-plan.ts'

/** How near something comes to a limit of AWS or of ours. */
export interface NearLimit {
  readonly limit: string
  /** What comes nearest to it. */
  readonly of: string
  readonly unit: 'bytes' | 'seconds' | 'count'
  readonly used: number
  readonly most: number
  /** Over 1 does not fit. */
  readonly share: number
}

/** Text of a value in a request, with its comma. */
const valueBytes = 20

/** What Evaluate answers beside what grows with classes and candidates, in bytes. */
const answerBytes = { all: 1500, candidate: 400, class: 100, pairOfClasses: 2.2 }

/** Classes whose confusion matrix travels between states. */
const matrixClasses = 64

/** History events: of a state with a function, of a candidate that has a container too, and of the rest. */
const events = { state: 5, candidate: 9, container: 6, rest: 20 }

/** The limits that a training and a batch of predictions have to do with, the nearest first. */
export function nearLimits(
  sketch: DatasetSketch,
  plan: TrainingPlan,
  batch: BatchEstimate,
): NearLimit[] {
  const candidates = plan.candidates.map(({ algorithm, ...rest }) => ({
    state: `Train ${algorithm}`,
    ...rest,
  }))
  const steps = [...plan.steps, ...candidates].filter(({ place }) => place?.name !== 'container')
  const longest = steps.reduce((a, b) => (b.seconds > a.seconds ? b : a))
  const largest = steps.reduce((a, b) => (b.peakBytes > a.peakBytes ? b : a))
  const { lambda, stepFunctions } = limits
  return [
    near('upload of a training', 'the file', 'bytes', [sketch.bytes, maxDatasetBytes]),
    near('time of a function', longest.state, 'seconds', [longest.seconds, lambda.seconds]),
    near('memory of a function', largest.state, 'bytes', [largest.peakBytes, lambda.memoryBytes]),
    near('body of a request', 'a prediction of one row', 'bytes', [
      sketch.cols * valueBytes,
      lambda.payloadBytes,
    ]),
    near('output of a state', 'Evaluate', 'bytes', [
      answerOf(sketch, plan),
      stepFunctions.stateBytes,
    ]),
    near('events of an execution', 'the training', 'count', [
      eventsOf(plan),
      stepFunctions.historyEvents,
    ]),
    near('children at one time', 'the batch', 'count', [
      Math.min(batch.ranges, batch.concurrency),
      stepFunctions.mapRunConcurrency,
    ]),
  ].sort((a, b) => b.share - a.share)
}

function near(
  limit: string,
  of: string,
  unit: NearLimit['unit'],
  [used, most]: readonly [number, number],
): NearLimit {
  return { limit, of, unit, used, most, share: used / most }
}

function answerOf({ classes, task }: DatasetSketch, { candidates }: TrainingPlan): number {
  const told = task === 'classification' ? classes : 0
  const pairs = told <= matrixClasses ? told * told : 0
  return (
    answerBytes.all +
    answerBytes.candidate * candidates.length +
    answerBytes.class * told +
    answerBytes.pairOfClasses * pairs
  )
}

function eventsOf({ steps, candidates }: TrainingPlan): number {
  const containers = candidates.filter(({ place }) => place?.name === 'container')
  return (
    events.rest +
    events.state * steps.length +
    events.candidate * candidates.length +
    events.container * containers.length
  )
}

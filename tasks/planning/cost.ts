import type { Place } from '../../platform/ports/index.ts'
import { monthHours, prices } from './prices.ts'

/** What was or will be used of AWS. What is absent is nothing. */
export interface Usage {
  /** GB times seconds of functions. */
  readonly lambdaGbSeconds?: number
  readonly lambdaRequests?: number
  /** States entered by Standard executions, retries included. */
  readonly transitions?: number
  readonly expressRequests?: number
  readonly expressGbSeconds?: number
  readonly s3Puts?: number
  readonly s3Gets?: number
  readonly s3GbMonths?: number
  /** Units of 1 KB, of which a write in a transaction is two. */
  readonly dynamodbWrites?: number
  /** Units of 4 KB. */
  readonly dynamodbReads?: number
  readonly fargateProcessorSeconds?: number
  readonly fargateGbSeconds?: number
  readonly httpRequests?: number
  readonly events?: number
}

/** US dollars. */
export interface Cost {
  readonly total: number
  readonly lambda: number
  readonly stepFunctions: number
  readonly s3: number
  readonly dynamodb: number
  readonly fargate: number
  readonly httpApi: number
  readonly eventBridge: number
}

/** What usage costs at list prices, without free tiers. */
export function costOf(usage: Usage): Cost {
  const { lambdaGbSeconds = 0, lambdaRequests = 0, transitions = 0 } = usage
  const { expressRequests = 0, expressGbSeconds = 0 } = usage
  const { s3Puts = 0, s3Gets = 0, s3GbMonths = 0 } = usage
  const { dynamodbWrites = 0, dynamodbReads = 0, httpRequests = 0, events = 0 } = usage
  const { fargateProcessorSeconds = 0, fargateGbSeconds = 0 } = usage
  const { processorHour, gbHour } = prices.fargate
  const parts = {
    lambda: lambdaGbSeconds * prices.lambda.gbSecond + lambdaRequests * prices.lambda.request,
    stepFunctions:
      transitions * prices.stepFunctions.transition +
      expressRequests * prices.stepFunctions.expressRequest +
      expressGbSeconds * prices.stepFunctions.expressGbSecond,
    s3: s3Puts * prices.s3.put + s3Gets * prices.s3.get + s3GbMonths * prices.s3.gbMonth,
    dynamodb: dynamodbWrites * prices.dynamodb.write + dynamodbReads * prices.dynamodb.read,
    fargate: (fargateProcessorSeconds * processorHour + fargateGbSeconds * gbHour) / 3600,
    httpApi: httpRequests * prices.httpApi.request,
    eventBridge: events * prices.eventBridge.event,
  }
  return { total: Object.values(parts).reduce((sum, part) => sum + part, 0), ...parts }
}

/** A run of a state of the training workflow that has a task, as `planTraining` says it. */
export interface PaidStep {
  /** A container is Fargate, the others are functions. */
  readonly place: Pick<Place, 'name' | 'memoryBytes'>
  /** By the clock. */
  readonly seconds: number
  /** Of a container, default those of CDK's `containerTraining`. */
  readonly processors?: number
}

const defaultProcessors = 4

/** States without a task that a training passes through: choices and ends. */
const otherTransitions = 6

/** Requests of one step to the bucket and the table, roughly: what it reads, records and writes. */
const requestsOfStep = { s3Gets: 10, s3Puts: 2, dynamodbReads: 20, dynamodbWrites: 10 }

/** One run of the training workflow: every candidate is a step of its own. */
export function costOfTraining(steps: readonly PaidStep[]): Cost {
  const functions = steps.filter(({ place }) => place.name !== 'container')
  const containers = steps.filter(({ place }) => place.name === 'container')
  const gbSecondsOf = ({ place, seconds }: PaidStep) => gigabytes(place.memoryBytes) * seconds
  return costOf({
    lambdaGbSeconds: sumOf(functions, gbSecondsOf),
    // What a container fitted is taken up by the function of the same candidate.
    lambdaRequests: steps.length,
    transitions: otherTransitions + steps.length + 2 * containers.length,
    fargateGbSeconds: sumOf(containers, (step) => gigabytes(step.place.memoryBytes) * billed(step)),
    fargateProcessorSeconds: sumOf(
      containers,
      (step) => (step.processors ?? defaultProcessors) * billed(step),
    ),
    s3Gets: steps.length * requestsOfStep.s3Gets,
    s3Puts: steps.length * requestsOfStep.s3Puts,
    dynamodbReads: steps.length * requestsOfStep.dynamodbReads,
    dynamodbWrites: steps.length * requestsOfStep.dynamodbWrites,
  })
}

/** What a container is paid for at least, in seconds. */
const leastContainerSeconds = 60

function billed({ seconds }: PaidStep): number {
  return Math.max(seconds, leastContainerSeconds)
}

export interface RealTimePredictions {
  /** Requests of one row each. */
  readonly predictions: number
  /** Of one request in a warm function, default 0.01. */
  readonly seconds?: number
  /** Of the predictions function, default 1 GiB. */
  readonly memoryBytes?: number
}

/** So many predictions over the HTTP API, each recorded in the log before it is answered. */
export function costOfPredictions({
  predictions,
  seconds = 0.01,
  memoryBytes = 1024 ** 3,
}: RealTimePredictions): Cost {
  return costOf({
    httpRequests: predictions,
    lambdaRequests: predictions,
    lambdaGbSeconds: predictions * seconds * gigabytes(memoryBytes),
    // The record and the head that counts it are one transaction, which reads the head first.
    dynamodbWrites: 4 * predictions,
    dynamodbReads: predictions,
  })
}

/** A SageMaker real-time endpoint of one ml.m5.large that is always on, default for a month. */
export function costOfEndpoint(hours = monthHours): number {
  return hours * prices.endpoint.hour
}

/** Predictions a month from which the endpoint is cheaper, as far as one instance can answer them. */
export function predictionsOfEndpoint(
  request: Omit<RealTimePredictions, 'predictions'> = {},
): number {
  return Math.ceil(costOfEndpoint() / costOfPredictions({ ...request, predictions: 1 }).total)
}

/** As AWS counts memory: a GB is 2^30 bytes. */
export function gigabytes(bytes: number): number {
  return bytes / 1024 ** 3
}

function sumOf<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0)
}

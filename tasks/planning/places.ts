import type { Place } from '../../platform/ports/index.ts'
import { limits } from './limits.ts'

/** What a step takes: processor time of one whole processor, and its memory at the highest. */
export interface Need {
  readonly seconds: number
  readonly peakBytes: number
  /** What is read of the bucket before. */
  readonly readBytes?: number
}

/** What one stream brings of a bucket in a second: nobody promises it. A folder is not waited for. */
const bucketBytesPerSecond = 60e6

const mebibyte = 2 ** 20

/** Bytes of memory at which a Lambda function has one whole processor. */
const bytesOfProcessor = limits.lambda.mebibytesPerProcessor * mebibyte

/** Of a place's memory and time what is planned with where a larger place is left: rates are of other data. */
const comfortable = 0.8

/** The functions that `TrainingPlatform` deploys unless it is told otherwise. */
export const deployedFunctions: readonly Place[] = [
  { name: 'function', memoryBytes: 3008 * mebibyte, seconds: limits.lambda.seconds },
  {
    name: 'large-function',
    memoryBytes: limits.lambda.memoryBytes,
    seconds: limits.lambda.seconds,
  },
]

/** The first place where so much fits with something to spare, else the first where it just fits. */
export function placeOf(need: Need, places: readonly Place[]): Place | undefined {
  const within = (share: number) => places.find((place) => shareOf(need, place) <= share)
  return within(comfortable) ?? within(1)
}

/** How much of a place's memory or time is taken, whichever is more: over 1 does not fit. */
export function shareOf(need: Need, place: Place): number {
  return Math.max(memoryShare(need, place), timeShare(need, place))
}

export function memoryShare({ peakBytes }: Need, { memoryBytes }: Place): number {
  return peakBytes / memoryBytes
}

export function timeShare(need: Need, place: Place): number {
  return place.seconds === null ? 0 : secondsIn(need, place) / place.seconds
}

/** Seconds by the clock: our code is one thread, whose share of a processor is that of the memory. */
export function secondsIn({ seconds, readBytes = 0 }: Need, place: Place): number {
  const reading = place.seconds === null ? 0 : readBytes / bucketBytesPerSecond
  return reading + seconds / Math.min(1, place.memoryBytes / bytesOfProcessor)
}

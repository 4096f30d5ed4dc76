import { streamPartBytes } from '../../platform/ports/index.ts'
import { batchCounters, hasCounters } from '../batch-counters.ts'
import { costOf, gigabytes, type Cost } from './cost.ts'
import { limits } from './limits.ts'

/** What decides how the rows of a batch are divided. */
export interface RangeSizing {
  readonly rows: number
  /** Bytes of a row in the file, on average. */
  readonly rowBytes: number
  /**
   * Seconds of one processor that a row takes once its bytes are there: it is decoded, predicted and its
   * result written. Default `defaultSecondsPerRow`, where nothing was measured.
   */
  readonly secondsPerRow?: number
  /** What one child reads of the bucket, in bytes a second. */
  readonly readBytesPerSecond?: number
  /** Children at one time, default 8. */
  readonly concurrency?: number
}

/** Seconds that the rows of one child shall take, and the most they may. */
export const childSeconds = {
  /** Less, and starting children is most of the work. */
  least: 1,
  /** More, and a child that fails takes much work with it. */
  most: 30,
  /** Two attempts of a function half as fast as what was measured end in an Express execution's time. */
  longest: 60,
} as const

/** Ranges of a plan, beyond which its ranges take longer: a list of them is read and written whole. */
export const mostRanges = 200_000

/** Ranges that end in a second at most: their records are in one partition of the table. */
export const rangesPerSecond = 50

/** Transactions on one item in a second, which follow one another. */
const transactionsPerSecond = 50

/** A forest or a few hundred support vectors take about as much. */
export const defaultSecondsPerRow = 20e-6

/** One stream from the bucket into a function of one processor. */
const defaultReadBytesPerSecond = 60e6

const defaultConcurrency = 8

/** Times that each place shall get a new child, where there are rows enough: then all end together. */
const wavesAimed = 4

/**
 * Rows of a range, so that a child works 1 to 30 seconds: as short as lets every place have a few of
 * them, not shorter than lets all of them be counted, and so that the last wave is full. At least 1,
 * at most `rows` (1 where there are none).
 */
export function rangeRowsOf(sizing: RangeSizing): number {
  const { rows, concurrency = defaultConcurrency } = sizing
  const work = rangeSecondsOf(rows, sizing)
  const counted = Math.min(concurrency / rangesPerSecond, Math.sqrt(work / rangesPerSecond))
  const wanted = Math.max(work / (wavesAimed * concurrency), counted, childSeconds.least)
  const listed = Math.min(work / mostRanges, childSeconds.longest)
  const seconds = Math.max(Math.min(wanted, childSeconds.most), listed)
  const ranges = Math.max(1, Math.ceil(work / seconds))
  const isInWaves = ranges > concurrency && ranges + concurrency < mostRanges
  const full = isInWaves ? Math.ceil(ranges / concurrency) * concurrency : ranges
  return Math.max(1, Math.min(Math.ceil(rows / full), longestRangeRowsOf(sizing)))
}

/** Most rows of a range with which a child still ends in an Express execution's five minutes. */
export function longestRangeRowsOf(sizing: Omit<RangeSizing, 'rows' | 'concurrency'>): number {
  return Math.max(1, Math.floor(childSeconds.longest / rangeSecondsOf(1, sizing)))
}

/** Seconds that a child works on so many rows, once it runs. */
export function rangeSecondsOf(
  rows: number,
  {
    rowBytes,
    secondsPerRow = defaultSecondsPerRow,
    readBytesPerSecond = defaultReadBytesPerSecond,
  }: Omit<RangeSizing, 'rows' | 'concurrency'>,
): number {
  return rows * (secondsPerRow + rowBytes / readBytesPerSecond)
}

/** A batch on AWS, with what the plan cannot know of it by itself. */
export interface BatchWork extends RangeSizing {
  /** Default what `rangeRowsOf` says. */
  readonly rangeRows?: number
  /** Bytes of a row of the result, default 10: a line of CSV with a row's number and a class. */
  readonly resultRowBytes?: number
  /** Of the model's file, which each child reads; default 100 kB. */
  readonly modelBytes?: number
  /** Memory of the functions, default one processor's. */
  readonly memoryBytes?: number
  /** Functions of the account that the batch may have at one time, default 900: 100 are predictions'. */
  readonly accountConcurrency?: number
}

/** What a batch will take, by arithmetic: nothing fails, and no child is slower than another. */
export interface BatchEstimate {
  readonly rangeRows: number
  /** Children of the Map Run. */
  readonly ranges: number
  /** Children at one time. */
  readonly concurrency: number
  readonly waves: number
  /** Seconds of one child, with its start. */
  readonly childSeconds: number
  readonly seconds: {
    readonly plan: number
    readonly map: number
    readonly join: number
    readonly total: number
  }
  readonly transitions: number
  readonly invocations: number
  readonly s3Gets: number
  readonly s3Puts: number
  readonly dynamodbWrites: number
  readonly cost: Cost
  /** For each limit the seconds that the children would take if there were no other, the longest first. */
  readonly paces: readonly Pace[]
  /** What does not fit, with what to do; empty where all does. */
  readonly beyond: readonly string[]
}

export interface Pace {
  readonly limit: string
  readonly seconds: number
}

/** What children take beside their rows: an event, the plan, the model, records, a result. */
const childOverheadSeconds = 0.5

/** States of the workflow that are entered beside the children: Plan to Predicted, none twice. */
const parentTransitions = 7

/** Bytes of one read of a child. */
const readBytes = 4 * 1024 ** 2

/** The shard but for its parts' digests, and each of these, in bytes of its record. */
const shardRecordBytes = 600
const digestBytes = 48

/** The shard, its marks of up to 4 kB, and what counts it: one transaction, at two units a kB. */
function dynamodbWritesOf(resultBytes: number): number {
  const parts = resultBytes <= streamPartBytes ? 0 : Math.ceil(resultBytes / streamPartBytes)
  return 14 + 2 * Math.ceil((shardRecordBytes + parts * digestBytes) / 1024)
}

/** Up to 5 GiB results are read, checked and written again as one object. */
const joinBytesPerSecond = 80e6
export const mostJoinedBytes = 5 * 1024 ** 3

/** Parts of larger ones that the store is asked for in a second: a request takes 1 to 2 ms of a processor. */
const partsAskedPerSecond = 500

/** Bytes of a part's record, which is read of the table and written to the manifest. */
const partRecordBytes = 1000

/** Arithmetic for a batch on AWS. `bench/scale` simulates the same, child by child. */
export function estimateBatch(work: BatchWork): BatchEstimate {
  const { rows, rowBytes, memoryBytes = limits.lambda.mebibytesPerProcessor * 1024 ** 2 } = work
  const { resultRowBytes = 10, modelBytes = 100e3, accountConcurrency = 900 } = work
  const rangeRows = work.rangeRows ?? rangeRowsOf(work)
  const ranges = Math.ceil(rows / rangeRows)
  const asked = work.concurrency ?? defaultConcurrency
  const concurrency = Math.min(asked, accountConcurrency, limits.stepFunctions.mapRunConcurrency)
  const seconds = childOverheadSeconds + rangeSecondsOf(Math.min(rangeRows, rows), work)
  const waves = Math.ceil(ranges / concurrency)

  const getsOfChild = 2 + Math.ceil((rangeRows * rowBytes) / readBytes)
  const putsOfChild = putsOf(rangeRows * resultRowBytes)
  const joined = rows * resultRowBytes
  const isJoined = joined <= mostJoinedBytes
  const partsTold = (ranges * partRecordBytes) / joinBytesPerSecond
  const joining = isJoined ? joined / joinBytesPerSecond : ranges / partsAskedPerSecond
  const join = 1 + partsTold + joining
  const plan = 1 + ranges / 100_000
  const s3Gets = ranges * (getsOfChild + 1) + Math.ceil(modelBytes / readBytes)
  const s3Puts = ranges * putsOfChild + 3 + (isJoined ? putsOf(joined) : 0)
  const dynamodbWrites = ranges * dynamodbWritesOf(rangeRows * resultRowBytes) + 20
  const counters = hasCounters(ranges) ? batchCounters : 1
  const paces = [
    { limit: 'concurrency', seconds: waves * seconds },
    { limit: 'starts of children', seconds: ranges / limits.stepFunctions.startExpress.rate },
    { limit: 'reads of one object', seconds: (ranges * getsOfChild) / limits.s3.getsPerSecond },
    { limit: 'writes under one prefix', seconds: (ranges * putsOfChild) / limits.s3.putsPerSecond },
    { limit: 'records of one batch', seconds: dynamodbWrites / limits.dynamodb.writesPerSecond },
    { limit: 'counters of one batch', seconds: ranges / (counters * transactionsPerSecond) },
  ].toSorted((a, b) => b.seconds - a.seconds)
  const map = paces[0]!.seconds
  const lambdaSeconds = ranges * seconds + plan + join
  // A child is counted as a transition of its parent too: the dearer way to read the price list.
  const transitions = parentTransitions + ranges
  return {
    rangeRows,
    ranges,
    concurrency,
    waves,
    childSeconds: seconds,
    seconds: { plan, map, join, total: plan + map + join },
    transitions,
    invocations: ranges + 2,
    s3Gets,
    s3Puts,
    dynamodbWrites,
    cost: costOf({
      lambdaRequests: ranges + 2,
      lambdaGbSeconds: lambdaSeconds * gigabytes(memoryBytes),
      transitions,
      expressRequests: ranges,
      // Of 64 MB, since a child's data are a few kilobytes.
      expressGbSeconds: (ranges * Math.ceil(seconds * 10)) / 10 / 16,
      s3Gets,
      s3Puts,
      dynamodbWrites,
      dynamodbReads: 5 * ranges,
    }),
    paces,
    beyond: beyondOf({ asked, concurrency, ranges, seconds }),
  }
}

/** Requests that write so many bytes: one, or the beginning, the parts and the end of an upload. */
function putsOf(bytes: number): number {
  return bytes <= streamPartBytes ? 1 : 2 + Math.ceil(bytes / streamPartBytes)
}

interface Bound {
  readonly asked: number
  readonly concurrency: number
  readonly ranges: number
  readonly seconds: number
}

function beyondOf({ asked, concurrency, ranges, seconds }: Bound): string[] {
  const { expressSeconds } = limits.stepFunctions
  const beyond: string[] = []
  if (asked > concurrency) {
    beyond.push(
      `${asked} children at one time are more than the account's functions (${concurrency}): have ` +
        'its concurrency raised',
    )
  }
  if (ranges > mostRanges) {
    beyond.push(
      `${ranges} ranges are more than ${mostRanges}: divide the rows into several batches`,
    )
  }
  if (seconds > expressSeconds) {
    beyond.push(
      `a child takes ${Math.ceil(seconds)} s, and an Express execution ${expressSeconds} s at most: ` +
        'have fewer rows in a range',
    )
  }
  return beyond
}

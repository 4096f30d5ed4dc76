import { seededRandom } from '../../ml/data/random.ts'
import { isDriftError, type Detector } from '../../ml/drift/index.ts'
import {
  contenders,
  errorContenders,
  inForm,
  referenceLength,
  type Contender,
  type ContenderName,
  type ErrorContenderName,
} from './contenders.ts'
import {
  changes,
  changingErrors,
  changingFeature,
  distributions,
  errorsAt,
  type ChangeName,
  type DistributionName,
  type Draw,
} from './streams.ts'

/** Values of a stationary stream. */
export const stationaryLength = 1_000_000

/** Streams a delay is the median of. */
const repeats = 100

/** Values before a change, and of the same that follow: enough to be found in, or not. */
const lead = 2000
const horizon = 2000

/** The detections in 10^6 values of one distribution: all of them are false; – where not taken. */
export function falseAlarmsOf(contender: ContenderName, distribution: DistributionName): string {
  const seed = Object.keys(distributions).indexOf(distribution) + 1
  const draw = distributions[distribution](seededRandom(seed))
  return falseAlarms(contenders[contender], draw)
}

/** The same for errors at a fixed rate. */
export function falseAlarmsAt(contender: ErrorContenderName, rate: number): string {
  return falseAlarms(errorContenders[contender], errorsAt(rate, Math.round(1000 * rate)))
}

/** How a change of a feature is found: `median delay (share found)`. */
export function delayOf(contender: ContenderName, change: ChangeName): string {
  return delay(contenders[contender], change, changingFeature)
}

/** The same for a change of the error rate. */
export function errorDelayOf(contender: ErrorContenderName, change: ChangeName): string {
  return delay(errorContenders[contender], change, changingErrors)
}

/** The share of the same streams in which it fires before there is a change. */
export function earlyOf(contender: ContenderName): string {
  return early(contenders[contender], changingFeature)
}

/** The same for streams of errors. */
export function errorEarlyOf(contender: ErrorContenderName): string {
  return early(errorContenders[contender], changingErrors)
}

function falseAlarms(contender: Contender, draw: Draw): string {
  const next = inForm(contender, draw)
  const detector = contender.make()
  let alarms = 0
  try {
    for (let i = 0; i < stationaryLength; i++) if (detector.update(next())) alarms++
  } catch (error) {
    if (isDriftError(error, 'DriftValueInvalid')) return '–'
    throw error
  }
  return alarms.toLocaleString('en-US')
}

type ChangingStream = (change: ChangeName, start: number, seed: number) => Draw

function delay(contender: Contender, change: ChangeName, stream: ChangingStream): string {
  const delays: number[] = []
  let parts = 0
  try {
    for (let seed = 1; seed <= repeats; seed++) {
      const { detector, next } = begun(contender, change, stream, seed)
      for (const length of partLengths(change)) {
        parts++
        const found = firstDetection(detector, next, length)
        if (found !== null) delays.push(found)
      }
    }
  } catch (error) {
    if (isDriftError(error, 'DriftValueInvalid')) return '–'
    throw error
  }
  if (delays.length === 0) return '0%'
  delays.sort((a, b) => a - b)
  return `${delays[delays.length >> 1]!} (${percent(delays.length / parts)})`
}

function early(contender: Contender, stream: ChangingStream): string {
  let fired = 0
  try {
    for (let seed = 1; seed <= repeats; seed++) {
      if (begun(contender, 'abrupt', stream, seed).fired) fired++
    }
  } catch (error) {
    if (isDriftError(error, 'DriftValueInvalid')) return '–'
    throw error
  }
  return percent(fired / repeats)
}

/** A detector that has seen what comes before the change. */
function begun(contender: Contender, change: ChangeName, stream: ChangingStream, seed: number) {
  // What the form takes as its reference comes before the lead, so that the lead is as long for all.
  const start = lead + (contender.form === null ? 0 : referenceLength)
  const next = inForm(contender, stream(change, start, seed))
  const detector = contender.make()
  const fired = firstDetection(detector, next, lead) !== null
  return { detector, next, fired }
}

/** Takes all `length` values; how many it took to the first detection, null without one. */
function firstDetection(detector: Detector, next: Draw, length: number): number | null {
  let found: number | null = null
  for (let i = 1; i <= length; i++) if (detector.update(next())) found ??= i
  return found
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`
}

/** A recurring change is four changes, there and back. */
function partLengths(change: ChangeName): number[] {
  return change === 'recurring' ? [1000, 1000, 1000, 1000] : [horizon]
}

/** The changes that a stream can have. */
export const changeNames = Object.keys(changes) as ChangeName[]

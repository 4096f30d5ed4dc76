import { trainerNamed } from '../../ml/models/index.ts'
import type { Place } from '../../platform/ports/index.ts'
import type { LearningTask, LeftOutAlgorithm, RejectionReason } from '../shapes.ts'
import { bytesText, countText, secondsText } from './figures.ts'
import { memoryShare, placeOf, secondsIn, type Need } from './places.ts'
import { fittingNeed, readingNeed, type FileSize } from './rates.ts'

/** What is to be learned, and from what. */
export interface TrainingSize extends FileSize {
  readonly task: LearningTask
  /** Rows that are not held out. */
  readonly trainRows: number
  /** Columns once each category has one of its own. */
  readonly encodedCols: number
  /** Settings that are tried of each algorithm. */
  readonly trials: number
}

export interface PlannedCandidate {
  readonly algorithm: string
  /** By the clock at its place; of one that fits nowhere, at the roomiest. */
  readonly seconds: number
  readonly peakBytes: number
  /** Null for one that fits nowhere. */
  readonly place: Place | null
  /** What binds, what was found and what to do; of one that fits nowhere. */
  readonly reason: string | null
}

/** What is raced, and where it is learned. */
export interface PlacedCandidate {
  readonly algorithm: string
  readonly place: Place['name']
}

export interface PlacedCandidates {
  readonly candidates: PlacedCandidate[]
  /** What fits nowhere, where something else does. */
  readonly leftOut: LeftOutAlgorithm[]
  /** Why nothing can be raced: `TooLarge`. */
  readonly reasons: RejectionReason[]
}

/** Models that a race needs something better than. */
const floors: ReadonlySet<string> = new Set(['majority', 'mean'])

/** Where each algorithm is learned. What fits nowhere is left out, unless nothing but the floor is left. */
export function placedCandidates(
  size: TrainingSize,
  algorithms: readonly string[],
  places: readonly Place[],
): PlacedCandidates {
  const planned = plannedCandidates(size, algorithms, places)
  const fitting = planned.flatMap(({ algorithm, place }) =>
    place === null ? [] : [{ algorithm, place: place.name }],
  )
  const beyond = planned.filter(({ place }) => place === null)
  const instead = fitting.find(({ algorithm }) => !floors.has(algorithm))
  if (instead === undefined && beyond.length > 0) {
    const reasons = beyond.map(({ reason }) => ({ code: 'TooLarge', message: reason! }))
    return { candidates: [], leftOut: [], reasons }
  }
  const leftOut = beyond.map(({ algorithm, reason }) => ({
    algorithm,
    reason: reason!,
    instead: instead!.algorithm,
  }))
  return { candidates: fitting, leftOut, reasons: [] }
}

/** What each algorithm takes and where it fits, all of them. */
export function plannedCandidates(
  size: TrainingSize,
  algorithms: readonly string[],
  places: readonly Place[],
): PlannedCandidate[] {
  const roomiest = places.reduce((a, b) => (b.memoryBytes > a.memoryBytes ? b : a))
  return algorithms.map((algorithm) => {
    const need = candidateNeed(algorithm, size)
    const place = placeOf(need, places) ?? null
    return {
      algorithm,
      seconds: secondsIn(need, place ?? roomiest),
      peakBytes: need.peakBytes,
      place,
      reason: place === null ? tooLarge(algorithm, size, need, places) : null,
    }
  })
}

/** What the state takes that learns an algorithm: it reads, tunes, judges and fits. */
function candidateNeed(algorithm: string, size: TrainingSize): Need {
  const { task, cols, encodedCols, classes, trainRows, trials } = size
  const takesCategories = 'categoricalFeatures' in trainerNamed(algorithm, task).options
  const learned = { rows: trainRows, cols: takesCategories ? cols : encodedCols, classes }
  const reading = readingNeed('Train', size)
  const fitting = fittingNeed(algorithm, task, learned, trials)
  return {
    seconds: reading.seconds + fitting.seconds,
    peakBytes: Math.max(reading.peakBytes, fitting.peakBytes),
    readBytes: size.bytes,
  }
}

function tooLarge(
  algorithm: string,
  { trainRows, encodedCols, trials }: TrainingSize,
  need: Need,
  places: readonly Place[],
): string {
  const isMemory = places.every((place) => memoryShare(need, place) > 1)
  const found = isMemory ? `${bytesText(need.peakBytes)} of memory` : secondsText(need.seconds)
  const there = places.map((place) => {
    const most = isMemory ? bytesText(place.memoryBytes) : mostSeconds(place)
    return `a ${place.name.replace('-', ' ')} has ${most}`
  })
  const less = [
    ...(!isMemory && trials > 1 ? ['try fewer settings'] : []),
    ...(isMemory ? ['take fewer rows or columns'] : ['take fewer rows']),
    'ask for another algorithm',
    ...(places.some(({ name }) => name === 'container') || places[0]!.seconds === null
      ? []
      : ['let the platform have containerTraining']),
  ]
  const on = `${countText(trainRows)} rows × ${countText(encodedCols)} columns`
  return `${algorithm} on ${on} takes about ${found}, and ${there.join(', ')}: ${listed(less)}`
}

function mostSeconds(place: Place): string {
  return place.seconds === null ? 'no limit' : secondsText(place.seconds)
}

function listed(ways: readonly string[]): string {
  return [...ways.slice(0, -1).map((way) => `${way}, `), `or ${ways.at(-1)!}`].join('')
}

import type { Place } from '../../platform/ports/index.ts'
import { candidatesFor } from '../candidates.ts'
import type { LeftOutAlgorithm, RejectionReason } from '../shapes.ts'
import {
  defaultHeldOut,
  defaultTrials,
  type TrainingConfiguration,
} from '../training-configuration.ts'
import type { DatasetSketch } from './dataset-sketch.ts'
import { plannedCandidates, placedCandidates, type PlannedCandidate } from './place-candidates.ts'
import { secondsIn, type Need } from './places.ts'
import { oneFitSeconds, rates, readingNeed } from './rates.ts'
import { sizeRefusals } from './size-refusals.ts'

/** A state of the training workflow that has a function, and what one run of it takes. */
export interface PlannedStep {
  readonly state: string
  readonly place: Place
  /** By the clock, at that place. */
  readonly seconds: number
  readonly peakBytes: number
}

export interface TrainingPlan {
  /** In the order of the workflow; of the candidates `Train` stands for all. */
  readonly steps: readonly PlannedStep[]
  /** Those that are raced and those that fit nowhere. */
  readonly candidates: readonly PlannedCandidate[]
  /** What cannot learn from so much, wherever it does. */
  readonly leftOut: readonly LeftOutAlgorithm[]
  /** From the upload to the model served, by the clock. */
  readonly seconds: number
  /** Why it will not be trained on; none when it will, as far as can be told from its size. */
  readonly refusals: readonly RejectionReason[]
}

/** Candidates that are learned at one time. */
const candidatesAtOnce = 4

/** What states take that read no upload: they are so short that their start is most of it. */
const shortNeed: Need = { seconds: 0.1, peakBytes: 120 * 2 ** 20 }

/** Memory of the functions of such states. */
const shortMemoryBytes = 512 * 2 ** 20

/**
 * What a training on such a dataset will take, state by state, and where each candidate is learned. The
 * usual place is the first one.
 */
export function planTraining(
  sketch: DatasetSketch,
  configuration: TrainingConfiguration,
  places: readonly Place[],
): TrainingPlan {
  const { task, rows, cols, encodedCols, classes } = sketch
  const { trials = defaultTrials, split } = configuration
  const trainRows = Math.round(rows * (1 - (split?.heldOut ?? defaultHeldOut)))
  const learned = { rows: trainRows, cols, encodedCols, classes }
  const asked = candidatesFor(configuration, task, learned)
  const size = { ...sketch, trainRows, trials }
  const candidates = plannedCandidates(size, asked.names, places)
  const fitting = candidates.filter(({ place }) => place !== null)
  const slowest = Math.max(
    0,
    ...fitting.map(({ algorithm }) =>
      oneFitSeconds(algorithm, task, { ...learned, cols: encodedCols }),
    ),
  )
  const place = places[0]!
  const short = (state: string, readBytes = 0) =>
    stepOf(state, { ...shortNeed, readBytes }, shortPlace(place))
  const reading = (state: 'Validate' | 'Evaluate' | 'CheckDrift' | 'Report') =>
    stepOf(state, modelNeed(state, sketch, slowest), place)
  const steps = [
    ...[short('Claim', sketch.bytes), reading('Validate')],
    ...[reading('Evaluate'), short('Register'), reading('CheckDrift'), short('Promote')],
    ...[short('Announce'), reading('Report')],
  ]
  return {
    steps,
    candidates,
    leftOut: asked.leftOut,
    seconds: steps.reduce((sum, { seconds }) => sum + seconds, atOnce(fitting)),
    refusals: [
      ...sizeRefusals(sketch, place),
      ...asked.reasons,
      ...placedCandidates(size, asked.names, places).reasons,
    ],
  }
}

function modelNeed(
  state: 'Validate' | 'Evaluate' | 'CheckDrift' | 'Report',
  sketch: DatasetSketch,
  fitSeconds: number,
): Need {
  const need = readingNeed(state, sketch)
  return { ...need, seconds: need.seconds + rates.steps[state].fits * fitSeconds }
}

function stepOf(state: string, need: Need, place: Place): PlannedStep {
  return { state, place, seconds: secondsIn(need, place), peakBytes: need.peakBytes }
}

/** On AWS such functions have less memory; embedded there is one place. */
function shortPlace(place: Place): Place {
  return place.seconds === null ? place : { ...place, memoryBytes: shortMemoryBytes }
}

/** The time of candidates of which so many are learned at once, each as soon as one before has ended. */
function atOnce(candidates: readonly PlannedCandidate[]): number {
  const ends = Array.from({ length: candidatesAtOnce }, () => 0)
  for (const { seconds } of candidates) {
    const next = ends.indexOf(Math.min(...ends))
    ends[next]! += seconds
  }
  return Math.max(...ends)
}

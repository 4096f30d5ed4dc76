import { ADWIN, PageHinkley } from '../../../ml/drift/index.ts'
import goldens from './fixtures/golden-detections.json' with { type: 'json' }
import { goldenStreams } from './golden-streams.ts'

/** What river 0.26.1 answers on the golden streams: detections and final state. */
export interface Golden {
  readonly stream: keyof typeof goldenStreams
  readonly detector: 'PageHinkley' | 'ADWIN'
  readonly options: Readonly<Record<string, unknown>>
  readonly detections: readonly number[]
  /** As `finalOf` gives it. */
  readonly final: readonly number[]
}

export const goldenCases = goldens as unknown as readonly Golden[]

export function makeDetector(
  name: Golden['detector'],
  options: Readonly<Record<string, unknown>>,
): PageHinkley | ADWIN {
  return name === 'ADWIN' ? new ADWIN(options) : new PageHinkley(options)
}

export function detectionsOf(detector: PageHinkley | ADWIN, stream: Float64Array): number[] {
  const detections: number[] = []
  stream.forEach((value, i) => {
    if (detector.update(value)) detections.push(i)
  })
  return detections
}

/** The numbers that tell a detector's whole past, in the order of the golden file. */
export function finalOf(detector: PageHinkley | ADWIN): (number | null)[] {
  const state = detector.state()
  return state.detector === 'ADWIN'
    ? [state.width, state.total, state.variance]
    : [
        state.n,
        state.mean,
        state.sumIncrease,
        state.sumDecrease,
        state.minIncrease,
        state.maxDecrease,
      ]
}

import { ADWIN, DDM, EDDM, HDDM_A, PageHinkley } from '../../../ml/drift/index.ts'
import goldens from './fixtures/golden-detections.json' with { type: 'json' }
import type { goldenStreams } from './golden-streams.ts'

/** What river 0.26.1 answers on a golden stream. */
export interface Golden {
  readonly stream: keyof typeof goldenStreams
  readonly detector: DetectorName
  readonly options: Readonly<Record<string, unknown>>
  readonly detections: readonly number[]
  /** The first and the last index of each run of warnings, where the detector has them. */
  readonly warnings?: readonly (readonly [number, number])[]
  /** The numbers that tell the detector's whole past, as `state()` names them. */
  readonly final: Readonly<Record<string, number | null>>
}

export const detectorClasses = { PageHinkley, ADWIN, DDM, EDDM, HDDM_A }

export type DetectorName = keyof typeof detectorClasses

export type AnyDetector = InstanceType<(typeof detectorClasses)[DetectorName]>

export const goldenCases = goldens as unknown as readonly Golden[]

export function makeDetector(
  name: DetectorName,
  options: Readonly<Record<string, unknown>>,
): AnyDetector {
  return new detectorClasses[name](options)
}

export function detectionsOf(detector: AnyDetector, stream: Float64Array): number[] {
  return answersOf(detector, stream).detections
}

export function answersOf(detector: AnyDetector, stream: Float64Array) {
  const detections: number[] = []
  const warnings: [number, number][] = []
  stream.forEach((value, i) => {
    if (detector.update(value)) detections.push(i)
    if (!('warningDetected' in detector && detector.warningDetected)) return
    const run = warnings.at(-1)
    if (run?.[1] === i - 1) run[1] = i
    else warnings.push([i, i])
  })
  return { detections, warnings }
}

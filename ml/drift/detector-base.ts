import type { Detector, NonFinite, WarningDetector } from './detector.ts'
import { DriftError } from './errors.ts'
import { requireBoolean, requireNumber, requireOneOf } from './validation.ts'

/**
 * What every detector keeps beside its arithmetic: its options, whether the last update detected a
 * change, and how many values it left out.
 */
export abstract class DetectorBase<
  Options extends { readonly nonFinite: NonFinite },
> implements Detector {
  readonly options: Options
  protected hasDetected = false
  protected skippedCount = 0

  constructor(options: Options) {
    this.options = options
  }

  abstract get estimation(): number
  abstract get width(): number
  abstract update(value: number): boolean

  get driftDetected(): boolean {
    return this.hasDetected
  }

  get skipped(): number {
    return this.skippedCount
  }

  reset(): void {
    this.restart()
    this.skippedCount = 0
  }

  /** Forgets every value; those left out stay counted. */
  protected restart(): void {
    this.hasDetected = false
  }

  /**
   * What becomes of a value that is none of the detector's: DriftValueInvalid, or counted.
   *
   * @param taken which values the detector takes, in words
   */
  protected refuse(taken: string, value: unknown): false {
    if (this.options.nonFinite === 'throw') {
      throw new DriftError(
        'DriftValueInvalid',
        `${taken}, got ${String(value)}; leave it out, or make the detector with nonFinite: 'skip'`,
      )
    }
    if (this.hasDetected) this.restart()
    this.skippedCount++
    return false
  }
}

/** The same of a detector that also tells when a change may be near. */
export abstract class WarningDetectorBase<Options extends { readonly nonFinite: NonFinite }>
  extends DetectorBase<Options>
  implements WarningDetector
{
  protected hasWarned = false

  get warningDetected(): boolean {
    return this.hasWarned
  }

  protected override restart(): void {
    super.restart()
    this.hasWarned = false
  }
}

/** What the saved states of all detectors have in common. Throws DriftStateInvalid. */
export function readCommonState<Name extends string>(
  saved: Readonly<Record<string, unknown>>,
  name: Name,
): { detector: Name; version: 1; driftDetected: boolean; skipped: number } {
  const error = 'DriftStateInvalid'
  return {
    detector: requireOneOf(error, 'detector', saved['detector'], [name]),
    version: requireOneOf(error, 'version', saved['version'], [1]),
    driftDetected: requireBoolean(error, 'driftDetected', saved['driftDetected']),
    skipped: requireNumber(error, 'skipped', saved['skipped'], { least: 0, integer: true }),
  }
}

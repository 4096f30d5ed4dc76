/** What to do with a value that a detector cannot take in: refuse it, or count it and go on. */
export type NonFinite = 'throw' | 'skip'

export const nonFiniteChoices = ['throw', 'skip'] as const satisfies readonly NonFinite[]

/** A detector of change in a stream of numbers, fed one value at a time in time order. */
export interface Detector {
  /**
   * Takes in the next value and answers whether a change is detected at it. The update after a
   * detection starts again from nothing.
   */
  update(value: number): boolean
  /** Whether the last update detected a change. */
  readonly driftDetected: boolean
  /** The mean of what the detector looks at; 0 when that is nothing. */
  readonly estimation: number
  /** How many values the detector looks at. */
  readonly width: number
  /** How many values were left out under `nonFinite: 'skip'` since the start or `reset()`. */
  readonly skipped: number
  /** Back to how it was when made. */
  reset(): void
}

/** A detector that also tells when a change may be near. */
export interface WarningDetector extends Detector {
  /** Whether the last value that told something came near to a change. */
  readonly warningDetected: boolean
}

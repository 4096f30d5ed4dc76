import measured from './rates.json' with { type: 'json' }

/** What `measure.ts` found: processor seconds. */
export interface ScaleRates {
  /** ISO 8601. */
  readonly date: string
  readonly machine: string
  readonly node: string
  /** Columns of the rows that were predicted, of float64. */
  readonly cols: number
  readonly predictions: readonly PredictionRate[]
  /** For each task of the training workflow its runs in one training of 1,000 rows × 10 columns. */
  readonly training: Readonly<Record<string, readonly number[]>>
}

export interface PredictionRate {
  readonly model: string
  readonly secondsPerRow: number
  readonly resultRowBytes: number
  readonly modelBytes: number
}

export const rates: ScaleRates = measured

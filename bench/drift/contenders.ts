import { ADWIN, DDM, EDDM, HDDM_A, PageHinkley, type Detector } from '../../ml/drift/index.ts'
import type { Draw } from './streams.ts'

/** A detector and the form in which it is given a feature's values. */
export interface Contender {
  readonly make: () => Detector
  /** What it is given of a feature, from the values that came before; null for the value itself. */
  readonly form: Form | null
}

/** Makes a value's form from a reference of earlier values. */
type Form = (reference: Float64Array) => (value: number) => number

/** Of the stream's own beginning, as training's baseline would be. */
export const referenceLength = 1000

/** In the order of the table's columns. Every detector as it is made without options, but one. */
export const contenders = {
  'PageHinkley, raw': { make: () => new PageHinkley(), form: null },
  'PageHinkley, standardised': { make: () => new PageHinkley(), form: standardised },
  'PageHinkley set for it, standardised': {
    make: () => new PageHinkley({ delta: 0.2, threshold: 50, alpha: 1 }),
    form: standardised,
  },
  'ADWIN, raw': { make: () => new ADWIN(), form: null },
  'ADWIN, standardised': { make: () => new ADWIN(), form: standardised },
  'HDDM_A, raw': { make: () => new HDDM_A(), form: null },
  'HDDM_A, scaled': { make: () => new HDDM_A(), form: scaled },
  'DDM, outliers': { make: () => new DDM(), form: outliers },
  'EDDM, outliers': { make: () => new EDDM(), form: outliers },
} as const satisfies Record<string, Contender>

export type ContenderName = keyof typeof contenders

/** What reads a stream of errors as it is. */
export const errorContenders = {
  DDM: { make: () => new DDM(), form: null },
  EDDM: { make: () => new EDDM(), form: null },
  HDDM_A: { make: () => new HDDM_A(), form: null },
  'HDDM_A, two-sided': { make: () => new HDDM_A({ twoSidedTest: true }), form: null },
  PageHinkley: { make: () => new PageHinkley(), form: null },
  ADWIN: { make: () => new ADWIN(), form: null },
} as const satisfies Record<string, Contender>

export type ErrorContenderName = keyof typeof errorContenders

/** The stream in the form that a contender is given; takes the reference from its beginning. */
export function inForm({ form }: Contender, draw: Draw): Draw {
  if (form === null) return draw
  const change = form(Float64Array.from({ length: referenceLength }, draw))
  return () => change(draw())
}

/** Deviations from the reference's mean, cut at ±4. */
function standardised(reference: Float64Array): (value: number) => number {
  const mean = reference.reduce((sum, value) => sum + value, 0) / reference.length
  const squares = reference.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const deviation = Math.sqrt(squares / reference.length)
  return (value) => Math.max(-4, Math.min(4, (value - mean) / deviation))
}

/** Standardised values brought from ±4 into [0, 1]. */
function scaled(reference: Float64Array): (value: number) => number {
  const standard = standardised(reference)
  return (value) => (standard(value) + 4) / 8
}

/** 1 where a value is farther from the reference's mean than 90% of the reference, else 0. */
function outliers(reference: Float64Array): (value: number) => number {
  const standard = standardised(reference)
  const limit = reference.map((value) => Math.abs(standard(value))).sort()[reference.length * 0.9]!
  return (value) => (Math.abs(standard(value)) > limit ? 1 : 0)
}

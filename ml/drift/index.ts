export { ADWIN, type ADWINOptions, type ADWINState } from './adwin.ts'
export {
  makeBaseline,
  type Baseline,
  type BaselineOptions,
  type FeatureBaseline,
  type Histogram,
} from './baseline.ts'
export { baselineFromTensors, baselineToTensors, type BaselineTensors } from './baseline-tensors.ts'
export {
  compareBatch,
  type CompareBatchOptions,
  type DriftReport,
  type DriftVerdict,
  type FeatureDrift,
} from './compare-batch.ts'
export type { Detection, FeatureComparison, FeatureTests } from './compare-feature.ts'
export type { Detector, NonFinite } from './detector.ts'
export { DriftError, driftErrors, isDriftError, type DriftErrorName } from './errors.ts'
export {
  PageHinkley,
  type PageHinkleyMode,
  type PageHinkleyOptions,
  type PageHinkleyState,
} from './page-hinkley.ts'
export {
  holmAdjusted,
  kolmogorovSmirnov,
  populationStabilityIndex,
  wasserstein,
} from './two-sample.ts'

export { ADWIN, type ADWINOptions, type ADWINState } from './adwin.ts'
export {
  makeBaseline,
  withPredictions,
  type Baseline,
  type BaselineOptions,
  type CategoryCounts,
  type FeatureBaseline,
  type Histogram,
  type SketchedColumn,
  type SketchedPredictions,
} from './baseline.ts'
export { baselineFromTensors, baselineToTensors, type BaselineTensors } from './baseline-tensors.ts'
export { chiSquare, type ChiSquare } from './chi-square.ts'
export {
  compareBatch,
  type CompareBatchOptions,
  type DriftReport,
  type DriftVerdict,
  type FeatureDrift,
} from './compare-batch.ts'
export type {
  CategoryTests,
  Detection,
  FeatureComparison,
  FeatureTests,
} from './compare-feature.ts'
export { DDM, type DDMOptions, type DDMState } from './ddm.ts'
export type { Detector, NonFinite, WarningDetector } from './detector.ts'
export { EDDM, type EDDMOptions, type EDDMState } from './eddm.ts'
export { DriftError, driftErrors, isDriftError, type DriftErrorName } from './errors.ts'
export { HDDM_A, type HDDM_AOptions, type HDDM_AState } from './hddm-a.ts'
export {
  PageHinkley,
  type PageHinkleyMode,
  type PageHinkleyOptions,
  type PageHinkleyState,
} from './page-hinkley.ts'
export { maxBlocks, type Block, type Window as StreamWindow } from './stream-blocks.ts'
export {
  StreamMonitor,
  type StreamDetection,
  type StreamMonitorOptions,
  type StreamMonitorState,
  type WatchingDetector,
  type WatchingDetectors,
} from './stream-monitor.ts'
export {
  holmAdjusted,
  kolmogorovSmirnov,
  populationStabilityIndex,
  wasserstein,
} from './two-sample.ts'

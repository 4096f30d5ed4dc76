export * from './calibration.ts'
export * from './classification.ts'
export * from './clustering.ts'
export * from './permutation-importance.ts'
export {
  averagePrecision,
  multiclassRocAuc,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
  type MulticlassRocAucOptions,
  type PrecisionRecallCurve,
  type RocCurve,
} from './ranking.ts'
export * from './regression.ts'

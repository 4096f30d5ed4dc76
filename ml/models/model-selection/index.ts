export * from './cross-validate.ts'
export * from './paired-bootstrap.ts'
export { scorers, type Scorer, type ScoringName, type Supervised } from './scoring.ts'
export * from './search.ts'
export type {
  FromGrid,
  FromSpace,
  ParameterGrid,
  ParameterRange,
  ParameterSpace,
} from './spaces.ts'
export * from './splits.ts'

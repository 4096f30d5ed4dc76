import type { ClusteringPipeline } from './clustering-pipeline.ts'
import type { Pipeline } from './pipeline.ts'
import type { RegressionPipeline } from './regression-pipeline.ts'

/** What kind of answer is learned, and the pipeline that learns it. */
export interface PipelineOf {
  readonly classification: Pipeline
  readonly regression: RegressionPipeline
  readonly clustering: ClusteringPipeline
}

export type LearningTask = keyof PipelineOf

export type AnyPipeline = PipelineOf[LearningTask]

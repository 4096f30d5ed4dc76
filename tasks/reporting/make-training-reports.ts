import { seedFromDigest } from '../../ml/data/index.ts'
import { defineJob } from '../../platform/ports/index.ts'
import {
  learningTaskOf,
  readDataset,
  splitDataset,
  splitRuleOf,
  type DatasetForm,
  type UploadContent,
} from '../dataset.ts'
import { rowsOf } from '../judge-models.ts'
import { openModel } from '../model-artifact.ts'
import type { DriftFinding, Evaluation } from '../shapes.ts'
import { summarizeForReport } from './dataset-summary.ts'
import { summarizeEvaluation } from './evaluation-summary.ts'
import type { ReportAbout, ReportKind } from './report-about.ts'

export type TrainingReportsRequest = UploadContent & {
  readonly about: ReportAbout
  readonly form: DatasetForm
  /** A model file. */
  readonly model: Uint8Array
  readonly evaluation: Pick<Evaluation, 'candidates' | 'leftOut' | 'decision' | 'split'>
  readonly drift: DriftFinding
}

/** The pages about a version's dataset and its evaluation. The same request makes the same bytes. */
export const makeTrainingReports = defineJob(
  import.meta.url,
  'makeTrainingReports',
  async (request: TrainingReportsRequest): Promise<Record<ReportKind, string>> => {
    const { about, form, evaluation, drift } = request
    const { dataset } = await readDataset(request, form)
    const split = splitDataset(dataset, splitRuleOf(form.configuration))
    const task = learningTaskOf(dataset, form.configuration)
    const seed = seedFromDigest(about.sha256)
    const model = openModel(request.model)
    const rows = rowsOf(dataset, split.heldOut, model, seed)
    const { metric } = evaluation.decision
    const judged = { metric, seed, modelBytes: request.model.length }
    // What draws is loaded where it is needed, off the thread that answers requests.
    const [{ datasetReport }, { evaluationReport }] = await Promise.all([
      import('./dataset-report.ts'),
      import('./evaluation-report.ts'),
    ])
    return {
      dataset: datasetReport(about, summarizeForReport(dataset, task, split), drift),
      evaluation: evaluationReport(about, summarizeEvaluation(model, rows, judged), evaluation),
    }
  },
)

import { announce } from './announce.ts'
import { awaitTraining } from './await-training.ts'
import { checkDrift } from './check-drift.ts'
import { claimRetraining } from './claim-retraining.ts'
import { claim } from './claim.ts'
import { countLabels } from './count-labels.ts'
import { endRetraining } from './end-retraining.ts'
import { evaluate } from './evaluate.ts'
import { joinBatch } from './join-batch.ts'
import { planBatch } from './plan-batch.ts'
import { predictRange } from './predict-range.ts'
import { prepareRetraining } from './prepare-retraining.ts'
import { promote } from './promote.ts'
import { quarantine } from './quarantine.ts'
import { register } from './register.ts'
import { report } from './report.ts'
import { rewriteRows } from './rewrite-rows.ts'
import { train, trainLarge } from './train.ts'
import { validate } from './validate.ts'
import { watchPromotion } from './watch-promotion.ts'

/** The tasks that `workflows/training.asl.json` names. */
export const trainingTasks = [
  claim,
  validate,
  quarantine,
  train,
  trainLarge,
  evaluate,
  register,
  checkDrift,
  promote,
  announce,
  report,
] as const

/** The tasks that `workflows/batch.asl.json` names. */
export const batchTasks = [planBatch, rewriteRows, predictRange, joinBatch] as const

/** The tasks that `workflows/retraining.asl.json` names. */
export const retrainingTasks = [
  claimRetraining,
  countLabels,
  prepareRetraining,
  awaitTraining,
  watchPromotion,
  endRetraining,
] as const

export { handleMessage } from './handle-message.ts'
export { recordOutcome } from './record-outcome.ts'
export { recordRetraining } from './record-retraining.ts'
export { sweep } from './sweep.ts'

import { announce } from './announce.ts'
import { checkDrift } from './check-drift.ts'
import { claim } from './claim.ts'
import { evaluate } from './evaluate.ts'
import { joinBatch } from './join-batch.ts'
import { planBatch } from './plan-batch.ts'
import { predictRange } from './predict-range.ts'
import { promote } from './promote.ts'
import { quarantine } from './quarantine.ts'
import { register } from './register.ts'
import { train } from './train.ts'
import { validate } from './validate.ts'

/** The tasks that `workflows/training.asl.json` names. */
export const trainingTasks = [
  claim,
  validate,
  quarantine,
  train,
  evaluate,
  register,
  checkDrift,
  promote,
  announce,
] as const

/** The tasks that `workflows/batch.asl.json` names. */
export const batchTasks = [planBatch, predictRange, joinBatch] as const

export { handleMessage } from './handle-message.ts'
export { recordOutcome } from './record-outcome.ts'
export { sweep } from './sweep.ts'

import { recordOutcome, trainingTasks } from '../../tasks/index.ts'
import { training as definition } from '../../workflows/training.ts'
import { defineWorkflow } from '../../workflows/workflow.ts'

/** The training workflow with its tasks, as the platform runs it. */
export const training = defineWorkflow({
  ...definition,
  tasks: trainingTasks,
  onExecutionEnd: recordOutcome,
})

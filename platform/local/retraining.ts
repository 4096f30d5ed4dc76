import { recordRetraining, retrainingTasks } from '../../tasks/index.ts'
import { retraining as definition } from '../../workflows/retraining.ts'
import { defineWorkflow } from '../../workflows/workflow.ts'

/** The retraining workflow with its tasks, as the platform runs it. */
export const retraining = defineWorkflow({
  ...definition,
  tasks: retrainingTasks,
  onExecutionEnd: recordRetraining,
})

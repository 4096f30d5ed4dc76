import { batchTasks } from '../../tasks/index.ts'
import { batch as definition } from '../../workflows/batch.ts'
import { defineWorkflow } from '../../workflows/workflow.ts'

/** The batch workflow with its tasks, as the platform runs it. */
export const batch = defineWorkflow({ ...definition, tasks: batchTasks })

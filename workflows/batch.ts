import definition from './batch.asl.json' with { type: 'json' }
import type { Workflow } from './workflow.ts'

/** The batch workflow without its tasks: `defineWorkflow({ ...batch, tasks })`. */
export const batch = { name: 'batch', definition } satisfies Omit<Workflow, 'tasks'>

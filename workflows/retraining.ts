import { servingDriftPattern } from '../events/index.ts'
import definition from './retraining.asl.json' with { type: 'json' }
import type { Workflow } from './workflow.ts'

/** The retraining workflow without its tasks: `defineWorkflow({ ...retraining, tasks })`. */
export const retraining = {
  name: 'retraining',
  definition,
  trigger: servingDriftPattern,
} satisfies Omit<Workflow, 'tasks'>

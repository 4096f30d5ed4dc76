import { uploadPattern } from '../events/index.ts'
import definition from './training.asl.json' with { type: 'json' }
import type { Workflow } from './workflow.ts'

/** The training workflow without its tasks: `defineWorkflow({ ...training, tasks })`. */
export const training = {
  name: 'training',
  definition,
  substitutions: [
    'TrainingCluster',
    'TrainingTaskDefinition',
    'TrainingCapacityProvider',
    'TrainingSubnets',
    'TrainingSecurityGroups',
    'TrainingPublicIp',
  ],
  trigger: uploadPattern,
} satisfies Omit<Workflow, 'tasks'>

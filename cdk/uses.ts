import type { Use } from './permissions.ts'

/**
 * What each function of the platform asks of it: its permissions, no more and no less. Tests hold it
 * against what the tasks and the API really call.
 */
export const taskUses = {
  Claim: [
    'objects.head uploads/*',
    'objects.read uploads/*',
    'table.get',
    'table.put',
    'table.transact',
    'executions.describe training',
  ],
  Validate: ['objects.head uploads/*', 'objects.read uploads/*', 'objects.put models/*'],
  Quarantine: [
    'objects.head uploads/*',
    'objects.read uploads/*',
    'objects.put quarantine/*',
    'bus.publish',
  ],
  Train: ['objects.head uploads/*', 'objects.read uploads/*', 'objects.put models/*'],
  Evaluate: [
    'objects.head uploads/*',
    'objects.read uploads/*',
    'objects.read models/*',
    'objects.put models/*',
    'table.get',
  ],
  Register: ['table.get', 'table.transact'],
  CheckDrift: [
    'objects.head uploads/*',
    'objects.read uploads/*',
    'objects.read models/*',
    'objects.put models/*',
    'table.get',
    'table.put',
  ],
  Promote: ['table.get', 'table.put', 'table.query', 'table.transact'],
  Announce: ['bus.publish'],
} as const satisfies Readonly<Record<string, readonly Use[]>>

/** Of the functions beside the training workflow. */
export const serviceUses = {
  outcomes: ['objects.head uploads/*', 'table.get', 'table.update'],
  sweep: ['objects.list uploads/*', 'table.get', 'executions.start training'],
  predictions: ['objects.read models/*', 'table.get'],
  api: [
    'objects.read models/*',
    'objects.presignUpload uploads/*',
    'table.get',
    'table.query',
    'executions.describe',
    'executions.history',
    'executions.list',
    'executions.redrive',
    'executions.stop',
  ],
} as const satisfies Readonly<Record<string, readonly Use[]>>

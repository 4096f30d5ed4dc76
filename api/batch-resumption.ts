import { MillraceError, type Ports } from '../platform/ports/index.ts'
import type { Batches, KeptBatch } from '../tasks/batches.ts'
import { listExecution } from '../tasks/execution-owner.ts'
import { formatModel, type ModelName } from '../tasks/names.ts'
import { executionOf } from './batch-description.ts'

interface Resumption {
  readonly model: ModelName
  readonly batch: string
  /** Whether rows that are not held yet are asked of the plan of the model's user. */
  readonly isLimited: boolean
}

/**
 * Goes on with a batch that failed or was cancelled, by another execution; asked for by two at one
 * moment, by one. Throws BatchNotFound, ExecutionConflict of a batch that runs or is done.
 */
export async function resumeBatch(
  { batches, ports }: { batches: Batches; ports: Pick<Ports, 'executions' | 'table' | 'clock'> },
  { model, batch, isLimited }: Resumption,
): Promise<KeptBatch> {
  const { executions, table, clock } = ports
  const kept = await batches.find(model, batch)
  const last = await executionOf(ports, kept.execution)
  if (last?.status === 'RUNNING') throw conflict(batch, 'runs: cancel it first, or let it end')
  if (kept.result !== null) throw conflict(batch, 'is done: its results are there')
  // One that was beyond the plan of its user may be within it by now.
  if (kept.reasons !== null && kept.plan === null) {
    throw conflict(batch, 'was rejected: ask for another one')
  }
  // One that was noted and never started, as when the process died in between, is started now.
  const isUnstarted = last === undefined && kept.execution !== batch
  const execution = isUnstarted ? kept.execution : nextExecution(kept)
  if (!(await batches.resume(model, batch, { execution, last: kept.execution }))) {
    throw conflict(batch, 'is resumed by another request')
  }
  await listExecution(table, clock, model.user, { workflow: 'batch', name: execution })
  const input = { model: formatModel(model), resume: batch, isLimited }
  await executions.start({ workflow: 'batch', name: execution, input })
  return { ...kept, execution }
}

/** The name of the batch, as much of it as leaves room, with a number behind it. */
function nextExecution({ batch, execution }: KeptBatch): string {
  const count = execution === batch ? 1 : Number(/-r(\d{1,6})$/.exec(execution)?.[1] ?? 1)
  return `${batch.slice(0, 72)}-r${count + 1}`
}

function conflict(batch: string, why: string): MillraceError {
  return new MillraceError('ExecutionConflict', `the batch ${batch} ${why}`)
}

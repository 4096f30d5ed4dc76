import type { ExecutionStatus, ExecutionSummary } from '../ports/executions.ts'

/** What DescribeExecution and ListExecutions both say of an execution. */
export interface FoundExecution {
  readonly name?: string | undefined
  readonly status?: string | undefined
  readonly startDate?: Date | undefined
  readonly stopDate?: Date | undefined
  readonly redriveCount?: number | undefined
}

export function summaryOf(workflow: string, found: FoundExecution): ExecutionSummary {
  const { stopDate } = found
  return {
    workflow,
    name: found.name!,
    status: statusOf(found.status!),
    startDate: found.startDate!.toISOString(),
    ...(stopDate === undefined ? {} : { stopDate: stopDate.toISOString() }),
    redriveCount: found.redriveCount ?? 0,
  }
}

/** The port has no name for an execution that waits for its redrive to begin. */
function statusOf(status: string): ExecutionStatus {
  return status === 'PENDING_REDRIVE' ? 'RUNNING' : (status as ExecutionStatus)
}

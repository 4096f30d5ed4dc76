import type {
  ExecutionDescription,
  ExecutionListItem,
  ExecutionStatusChange,
  StateMachineDescription,
} from './api-types.ts'
import { limits } from './limits.ts'
import { type Settings, shownSettings } from './settings.ts'
import type { ExecutionRow, StateMachineRow } from './store.ts'

/** Rows of the database as the API's responses show them. */

export function describeStateMachine(
  row: StateMachineRow,
  definition: string,
  settings: Settings,
  status: StateMachineDescription['status'],
): StateMachineDescription {
  return {
    stateMachineArn: row.arn,
    name: row.name,
    status,
    definition,
    roleArn: row.roleArn,
    type: row.type,
    creationDate: new Date(row.created),
    revisionId: row.revisionId,
    ...shownSettings(settings),
  }
}

export function describeExecution(row: ExecutionRow, redrive: Redrivability): ExecutionDescription {
  const { output, error, cause } = row
  return {
    ...listExecution(row),
    input: row.input,
    inputDetails: { included: true },
    ...(output === null ? {} : { output, outputDetails: { included: true } }),
    ...(error === null ? {} : { error }),
    ...(cause === null ? {} : { cause }),
    ...redrive,
  }
}

export function listExecution(row: ExecutionRow): ExecutionListItem {
  return {
    executionArn: row.arn,
    stateMachineArn: row.stateMachineArn,
    name: row.name,
    status: row.status,
    startDate: new Date(row.startTime),
    ...(row.stopTime === null ? {} : { stopDate: new Date(row.stopTime) }),
    redriveCount: row.redriveCount,
    ...(row.redriveTime === null ? {} : { redriveDate: new Date(row.redriveTime) }),
  }
}

export function statusChange(row: ExecutionRow, redrive: Redrivability): ExecutionStatusChange {
  const { input, output } = row
  const outputBytes = output === null ? 0 : escapedBytes(output)
  const isOutputIncluded = outputBytes <= limits.statusChangeBytes
  const isInputIncluded =
    escapedBytes(input) + (isOutputIncluded ? outputBytes : 0) <= limits.statusChangeBytes
  return {
    executionArn: row.arn,
    stateMachineArn: row.stateMachineArn,
    name: row.name,
    status: row.status,
    startDate: row.startTime,
    stopDate: row.stopTime,
    input: isInputIncluded ? input : null,
    inputDetails: { included: isInputIncluded },
    output: isOutputIncluded ? output : null,
    outputDetails: output === null ? null : { included: isOutputIncluded },
    error: row.error,
    cause: row.cause,
    stateMachineVersionArn: null,
    stateMachineAliasArn: null,
    redriveCount: row.redriveCount,
    redriveDate: row.redriveTime,
    redriveStatus: redrive.redriveStatus,
    redriveStatusReason: redrive.redriveStatusReason ?? null,
  }
}

export type Redrivability = Pick<ExecutionDescription, 'redriveStatus' | 'redriveStatusReason'>

/** Whether RedriveExecution takes the execution, and if not, why. */
export function redrivability(row: ExecutionRow, lastEventId: number, now: number): Redrivability {
  const reason = whyNotRedrivable(row, lastEventId, now)
  // A child execution of a map run is redriven with it, and only so.
  const status = row.stateMachineName.includes('/') ? 'REDRIVABLE_BY_MAP_RUN' : 'REDRIVABLE'
  return reason === undefined
    ? { redriveStatus: status }
    : { redriveStatus: 'NOT_REDRIVABLE', redriveStatusReason: reason }
}

function whyNotRedrivable(row: ExecutionRow, lastEventId: number, now: number): string | undefined {
  if (row.status === 'RUNNING' || row.status === 'SUCCEEDED') {
    return `Execution is ${row.status} and cannot be redriven`
  }
  if (lastEventId >= limits.historyEvents - 1) return 'Execution history event limit exceeded'
  const age = now - (row.stopTime ?? now)
  return age > limits.redriveDays * 86_400_000
    ? 'Execution is past its redrivable period'
    : undefined
}

function escapedBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

import type { Diagnostic } from './definition/diagnostics.ts'
import type { ExecutionStatus } from './execution.ts'

/** Requests and responses of the Step Functions API, for the operations that the engine has. */

export interface CreateStateMachineInput {
  /** 1 to 80 characters; not white space, brackets, wildcards or `"#%\^|~`$&,;:/`. */
  readonly name: string
  /** Amazon States Language as JSON text, at most 1 MiB. */
  readonly definition: string
  readonly roleArn?: string
  readonly type?: 'STANDARD'
}

export interface CreateStateMachineOutput {
  readonly stateMachineArn: string
  readonly creationDate: Date
}

export interface UpdateStateMachineInput {
  readonly stateMachineArn: string
  readonly definition?: string
  readonly roleArn?: string
}

export interface UpdateStateMachineOutput {
  readonly updateDate: Date
  readonly revisionId: string
}

export interface StateMachineDescription {
  readonly stateMachineArn: string
  readonly name: string
  readonly status: 'ACTIVE'
  readonly definition: string
  readonly roleArn: string
  readonly type: 'STANDARD'
  readonly creationDate: Date
  readonly revisionId: string
}

export interface StateMachineListItem {
  readonly stateMachineArn: string
  readonly name: string
  readonly type: 'STANDARD'
  readonly creationDate: Date
}

export interface Page {
  /** 1 to 1000; default 100. */
  readonly maxResults?: number
  readonly nextToken?: string
}

export interface StartExecutionInput {
  readonly stateMachineArn: string
  /** Default a random UUID. */
  readonly name?: string
  /** JSON text, at most 262,144 bytes; default `{}`. */
  readonly input?: string
}

export interface StartExecutionOutput {
  readonly executionArn: string
  readonly startDate: Date
}

export interface ExecutionDescription {
  readonly executionArn: string
  readonly stateMachineArn: string
  readonly name: string
  readonly status: ExecutionStatus
  readonly startDate: Date
  readonly stopDate?: Date
  readonly input: string
  readonly inputDetails: { readonly included: true }
  readonly output?: string
  readonly outputDetails?: { readonly included: true }
  readonly error?: string
  readonly cause?: string
  readonly redriveCount: number
  readonly redriveDate?: Date
  readonly redriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE'
  readonly redriveStatusReason?: string
}

export interface ListExecutionsInput extends Page {
  /** The service requires it; without it the engine lists the executions of all state machines. */
  readonly stateMachineArn?: string
  readonly statusFilter?: ExecutionStatus
}

export interface ExecutionListItem {
  readonly executionArn: string
  readonly stateMachineArn: string
  readonly name: string
  readonly status: ExecutionStatus
  readonly startDate: Date
  readonly stopDate?: Date
  readonly redriveCount: number
  readonly redriveDate?: Date
}

export interface StopExecutionInput {
  readonly executionArn: string
  readonly error?: string
  readonly cause?: string
}

export interface GetExecutionHistoryInput extends Page {
  readonly executionArn: string
  readonly reverseOrder?: boolean
  readonly includeExecutionData?: boolean
  /** The engine's own: only events with an id above this one. Not with `reverseOrder`. */
  readonly after?: number
}

/**
 * One event of a history. `details` is a property named for the type, as in the API:
 * `stateEnteredEventDetails`, `taskScheduledEventDetails` and so on; some types have none.
 */
export interface HistoryEvent {
  readonly id: number
  /** 0 for the first events. */
  readonly previousEventId: number
  readonly timestamp: Date
  readonly type: string
  readonly [details: `${string}EventDetails`]: Readonly<Record<string, unknown>> | undefined
}

export interface StateMachineForExecution {
  readonly stateMachineArn: string
  readonly name: string
  readonly definition: string
  readonly roleArn: string
  readonly updateDate: Date
}

/**
 * The detail of EventBridge's "Step Functions Execution Status Change". Dates are milliseconds since
 * 1970; what does not apply is null; input and output that together are over 248 KB are left out.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
export interface ExecutionStatusChange {
  readonly executionArn: string
  readonly stateMachineArn: string
  readonly name: string
  readonly status: ExecutionStatus
  readonly startDate: number
  readonly stopDate: number | null
  readonly input: string | null
  readonly inputDetails: { readonly included: boolean } | null
  readonly output: string | null
  readonly outputDetails: { readonly included: boolean } | null
  readonly error: string | null
  readonly cause: string | null
  readonly stateMachineVersionArn: null
  readonly stateMachineAliasArn: null
  readonly redriveCount: number
  readonly redriveDate: number | null
  readonly redriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE'
  readonly redriveStatusReason: string | null
}

export type { Diagnostic }

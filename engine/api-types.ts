import type { Diagnostic } from './definition/diagnostics.ts'
import type { ExecutionStatus, StateMachineTypeName } from './execution.ts'
import type { MapRunStatus } from './map/run.ts'

/** Requests and responses of the Step Functions API, for the operations that the engine has. */

export interface CreateStateMachineInput {
  /** 1 to 80 characters; not white space, brackets, wildcards or `"#%\^|~`$&,;:/`. */
  readonly name: string
  /** Amazon States Language as JSON text, at most 1 MiB. */
  readonly definition: string
  readonly roleArn?: string
  /** Default STANDARD. */
  readonly type?: StateMachineTypeName
  readonly loggingConfiguration?: LoggingConfiguration
  readonly tracingConfiguration?: TracingConfiguration
  readonly encryptionConfiguration?: EncryptionConfiguration
  readonly tags?: readonly Tag[]
  /** The engine has no versions: only false. */
  readonly publish?: boolean
}

/** Kept and told again; the engine logs nothing by it. */
export interface LoggingConfiguration {
  readonly level?: 'ALL' | 'ERROR' | 'FATAL' | 'OFF'
  readonly includeExecutionData?: boolean
  readonly destinations?: readonly LogDestination[]
}

export interface LogDestination {
  readonly cloudWatchLogsLogGroup?: { readonly logGroupArn?: string }
}

/** Kept and told again; the engine traces nothing. */
export interface TracingConfiguration {
  readonly enabled?: boolean
}

/** The engine encrypts nothing. */
export interface EncryptionConfiguration {
  readonly type: 'AWS_OWNED_KEY'
}

export interface Tag {
  readonly key: string
  readonly value: string
}

export interface CreateStateMachineOutput {
  readonly stateMachineArn: string
  readonly creationDate: Date
}

export interface UpdateStateMachineInput {
  readonly stateMachineArn: string
  readonly definition?: string
  readonly roleArn?: string
  readonly loggingConfiguration?: LoggingConfiguration
  readonly tracingConfiguration?: TracingConfiguration
  readonly encryptionConfiguration?: EncryptionConfiguration
  /** The engine has no versions: only false. */
  readonly publish?: boolean
}

export interface UpdateStateMachineOutput {
  readonly updateDate: Date
  readonly revisionId: string
}

export interface StateMachineDescription {
  readonly stateMachineArn: string
  readonly name: string
  readonly status: 'ACTIVE' | 'DELETING'
  readonly definition: string
  readonly roleArn: string
  readonly type: StateMachineTypeName
  readonly creationDate: Date
  readonly revisionId: string
  readonly loggingConfiguration: LoggingConfiguration
  readonly tracingConfiguration: TracingConfiguration
  readonly encryptionConfiguration: EncryptionConfiguration
}

export interface ValidateStateMachineDefinitionInput {
  readonly definition: string
  /** Default STANDARD. */
  readonly type?: StateMachineTypeName
  /** The engine has no warnings: both answer the same. Default ERROR. */
  readonly severity?: 'ERROR' | 'WARNING'
  /** 0 to 100; default 100. */
  readonly maxResults?: number
}

export interface ValidateStateMachineDefinitionOutput {
  readonly result: 'OK' | 'FAIL'
  readonly diagnostics: readonly Diagnostic[]
  /** Whether there are more than `maxResults`. */
  readonly truncated: boolean
}

export interface StateMachineListItem {
  readonly stateMachineArn: string
  readonly name: string
  readonly type: StateMachineTypeName
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

export interface StartSyncExecutionInput extends StartExecutionInput {
  readonly traceHeader?: string
}

/** The outcome of an Express execution. */
export interface StartSyncExecutionOutput {
  readonly executionArn: string
  readonly stateMachineArn: string
  readonly name: string
  readonly startDate: Date
  readonly stopDate: Date
  readonly status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT'
  readonly input: string
  readonly inputDetails: { readonly included: true }
  readonly output?: string
  readonly outputDetails?: { readonly included: true }
  readonly error?: string
  readonly cause?: string
  readonly traceHeader?: string
  /** The time is measured, by the engine's clock; the memory is not. */
  readonly billingDetails: {
    readonly billedMemoryUsedInMB: number
    readonly billedDurationInMilliseconds: number
  }
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
  readonly redriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE' | 'REDRIVABLE_BY_MAP_RUN'
  readonly redriveStatusReason?: string
  /** Of a child execution of a distributed Map. */
  readonly mapRunArn?: string
}

export interface ListExecutionsInput extends Page {
  /** The service requires it; without it the engine lists the executions of all state machines. */
  readonly stateMachineArn?: string
  /** The child executions of a map run, rather than those of a state machine. */
  readonly mapRunArn?: string
  /** PENDING_REDRIVE only with a mapRunArn. */
  readonly statusFilter?: ExecutionStatus | 'PENDING_REDRIVE'
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
  /** Of a child execution, where the list is of a map run. */
  readonly mapRunArn?: string
  readonly itemCount?: number
}

export interface ListMapRunsInput extends Page {
  readonly executionArn: string
}

export interface ListMapRunsOutput {
  /** The newest first. */
  readonly mapRuns: readonly MapRunListItem[]
  readonly nextToken?: string
}

export interface MapRunListItem {
  readonly executionArn: string
  readonly mapRunArn: string
  readonly stateMachineArn: string
  readonly startDate: Date
  readonly stopDate?: Date
}

export interface MapRunDescription {
  readonly mapRunArn: string
  readonly executionArn: string
  readonly status: MapRunStatus
  readonly startDate: Date
  readonly stopDate?: Date
  readonly maxConcurrency: number
  readonly toleratedFailurePercentage: number
  readonly toleratedFailureCount: number
  /** `total` is 0 until all items are read. */
  readonly itemCounts: MapRunCounts
  /** With ItemBatcher, only the batches that have been made are counted. */
  readonly executionCounts: MapRunCounts
  readonly redriveCount: number
  readonly redriveDate?: Date
}

export interface MapRunCounts {
  readonly pending: number
  readonly running: number
  readonly succeeded: number
  readonly failed: number
  readonly timedOut: number
  readonly aborted: number
  readonly total: number
  readonly resultsWritten: number
  readonly failuresNotRedrivable: number
  readonly pendingRedrive: number
}

export interface UpdateMapRunInput {
  readonly mapRunArn: string
  readonly maxConcurrency?: number
  readonly toleratedFailurePercentage?: number
  readonly toleratedFailureCount?: number
}

export interface StopExecutionInput {
  readonly executionArn: string
  readonly error?: string
  readonly cause?: string
}

export interface TestStateInput {
  /** Of the state; or of a state machine, when `stateName` names one of its states. */
  readonly definition: string
  readonly stateName?: string
  readonly roleArn?: string
  /** JSON text; default `{}`. */
  readonly input?: string
  /** Default INFO. DEBUG and TRACE answer inspectionData, too. */
  readonly inspectionLevel?: 'INFO' | 'DEBUG' | 'TRACE'
  readonly revealSecrets?: boolean
  /** JSON text of an object: the variables that the state finds. */
  readonly variables?: string
  /** In place of the handler of a Task; a Map or Parallel needs it. */
  readonly mock?: TestStateMock
  /** JSON text of a Context object; only with a mock. */
  readonly context?: string
  readonly stateConfiguration?: TestStateConfiguration
}

/** One of `result` and `errorOutput`. */
export interface TestStateMock {
  /** JSON text. */
  readonly result?: string
  readonly errorOutput?: { readonly error?: string; readonly cause?: string }
  /** Taken, but the engine knows no service's model to hold the result against. */
  readonly fieldValidationMode?: 'STRICT' | 'PRESENT' | 'NONE'
}

export interface TestStateConfiguration {
  /** Retries so far by the retrier that takes the error. */
  readonly retrierRetryCount?: number
  /** The state in a Map or Parallel whose error the mock is; it changes nothing. */
  readonly errorCausedByState?: string
  readonly mapIterationFailureCount?: number
  /** JSON text of what the ItemReader of a distributed Map read. Not looked at. */
  readonly mapItemReaderData?: string
}

export interface TestStateOutput {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'RETRIABLE' | 'CAUGHT_ERROR'
  readonly output?: string
  readonly error?: string
  readonly cause?: string
  readonly nextState?: string
  readonly inspectionData?: InspectionData
}

/** What the state made of its data, step by step: JSON texts, but for what is a number. */
export interface InspectionData {
  readonly input?: string
  readonly afterArguments?: string
  readonly afterInputPath?: string
  readonly afterParameters?: string
  readonly result?: string
  readonly afterResultSelector?: string
  readonly afterResultPath?: string
  readonly afterItemsPath?: string
  readonly afterItemSelector?: string
  readonly toleratedFailureCount?: number
  readonly toleratedFailurePercentage?: number
  readonly maxConcurrency?: number
  readonly variables?: string
  readonly errorDetails?: InspectionErrorDetails
}

export interface InspectionErrorDetails {
  readonly catchIndex?: number
  readonly retryIndex?: number
  readonly retryBackoffIntervalSeconds?: number
}

export interface SendTaskSuccessInput {
  readonly taskToken: string
  /** JSON text, at most 262,144 bytes. */
  readonly output: string
}

export interface SendTaskFailureInput {
  readonly taskToken: string
  readonly error?: string
  readonly cause?: string
}

export interface SendTaskHeartbeatInput {
  readonly taskToken: string
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
  /** Of a child execution of a distributed Map; the definition is its ItemProcessor then. */
  readonly mapRunArn?: string
  readonly label?: string
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
  readonly redriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE' | 'REDRIVABLE_BY_MAP_RUN'
  readonly redriveStatusReason: string | null
}

export type { Diagnostic }

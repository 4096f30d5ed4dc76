import { limits } from './limits.ts'

/**
 * The errors that the engine's operations throw, by the Step Functions API's own names, and what each
 * means. `EngineClosed`, `DataDirectoryBusy` and `StorageFailed` are the engine's: the service has no
 * such states.
 */
export const engineErrors = {
  DataDirectoryBusy: 'the data directory is open in another engine or another process',
  DataDirectoryInvalid: 'the database is damaged, or was written by a newer version',
  EngineClosed: 'the engine was closed',
  ExecutionAlreadyExists:
    'the name belongs to an execution with another input, or to one that ended',
  ExecutionDoesNotExist: 'no execution of this ARN',
  ExecutionNotRedrivable:
    'the execution runs, succeeded, ended too long ago or has too many events',
  InvalidArn: 'an ARN that is not one',
  InvalidDefinition: 'a definition that is not Amazon States Language, or not yet supported',
  InvalidExecutionInput: 'an input that is not JSON, or is over 262,144 bytes',
  InvalidName: 'a name that is not 1 to 80 of the allowed characters',
  InvalidOutput: 'an output of a task that is not JSON',
  InvalidToken: 'a page token that this operation did not give, or a text that is no task token',
  ListenFailed: 'the address to listen on is taken, or not to be had',
  MissingSubstitution: 'a placeholder of a definition that has no substitution',
  ResourceNotFound: 'no resource of this ARN that could have tags',
  StateMachineAlreadyExists: 'the name belongs to a state machine with another definition',
  StateMachineDeleting: 'the state machine is being deleted',
  StateMachineDoesNotExist: 'no state machine of this ARN',
  StateMachineTypeNotSupported:
    'a type that does not exist, or one whose state machines have no such operation',
  StorageFailed: 'the database could not be read or written; what was stored before stays as it is',
  TaskDoesNotExist: 'the task token is of an execution that does not exist',
  TaskTimedOut: 'the task of the token has ended, for whatever reason',
  TooManyTags: 'more than 50 tags on one resource',
  ValidationException: 'a request with a field that is missing or out of its bounds',
} as const satisfies Record<string, string>

export type EngineErrorName = keyof typeof engineErrors

/** An error of the table. `name` tells which; `details` is JSON for programs. */
export class EngineError extends Error {
  override readonly name: EngineErrorName
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    name: EngineErrorName,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = name
    this.details = options.details
  }
}

/** Whether `error` is an EngineError, and of `name` where one is given. */
export function isEngineError(error: unknown, name?: EngineErrorName): error is EngineError {
  return error instanceof EngineError && (name === undefined || error.name === name)
}

/**
 * What a state, or a whole execution, fails with: the Error and Cause that Retry and Catch match and
 * that history shows. Either may be absent, as in a Fail state that names none.
 */
export interface Failure {
  readonly error?: string
  readonly cause?: string
  /**
   * A timeout for want of a heartbeat: the service reports it as States.Timeout, and ErrorEquals also
   * has the name States.HeartbeatTimeout for it.
   */
  readonly isHeartbeat?: true
  /**
   * A value over the service's limit, found by the engine: States.ALL does not have it, unlike an error
   * of the same name that a task failed with.
   */
  readonly isOverLimit?: true
}

/** The part of a failure that events hold, within the service's lengths. */
export function failureFields({ error, cause }: Failure): { error?: string; cause?: string } {
  return {
    ...(error === undefined ? {} : { error: error.slice(0, limits.errorLength) }),
    ...(cause === undefined ? {} : { cause: cause.slice(0, limits.causeLength) }),
  }
}

/** The error names that Amazon States Language reserves. */
export const errorNames = {
  all: 'States.ALL',
  dataLimitExceeded: 'States.DataLimitExceeded',
  exceedToleratedFailureThreshold: 'States.ExceedToleratedFailureThreshold',
  heartbeatTimeout: 'States.HeartbeatTimeout',
  intrinsicFailure: 'States.IntrinsicFailure',
  noChoiceMatched: 'States.NoChoiceMatched',
  parameterPathFailure: 'States.ParameterPathFailure',
  itemReaderFailed: 'States.ItemReaderFailed',
  queryEvaluationError: 'States.QueryEvaluationError',
  resultWriterFailed: 'States.ResultWriterFailed',
  resultPathMatchFailure: 'States.ResultPathMatchFailure',
  runtime: 'States.Runtime',
  taskFailed: 'States.TaskFailed',
  timeout: 'States.Timeout',
} as const

/**
 * One table of the errors that tasks, ports and the HTTP API throw. A name is API: a state
 * machine's `ErrorEquals` matches it, and the HTTP answer carries it as its problem type.
 *
 * `retryable`: the same call may succeed later without anything being changed.
 * `status`: what the HTTP API answers.
 */
export const errorTable = {
  // Storage
  ObjectNotFound: { status: 404, retryable: false, meaning: 'no object, or no such version of it' },
  ObjectKeyInvalid: { status: 400, retryable: false, meaning: 'a key that is not allowed' },
  ObjectChanged: {
    status: 412,
    retryable: false,
    meaning: 'a conditional write found another version than it named',
  },
  RangeInvalid: { status: 416, retryable: false, meaning: 'a byte range outside of the object' },
  UploadRefused: {
    status: 403,
    retryable: false,
    meaning: 'a presigned upload that is expired, altered, or of another size or type',
  },
  UploadNotFound: {
    status: 404,
    retryable: false,
    meaning: 'no upload in parts of this id is under way: never started, completed or aborted',
  },
  ItemInvalid: {
    status: 400,
    retryable: false,
    meaning: 'an item with a key or a value that the table does not take',
  },
  ItemTooLarge: { status: 400, retryable: false, meaning: 'an item of more than 400 KB' },
  TransactionTooLarge: {
    status: 400,
    retryable: false,
    meaning: 'a transaction of more than 100 writes or 4 MB',
  },
  ConditionFailed: {
    status: 409,
    retryable: false,
    meaning: 'a conditional write whose condition did not hold',
  },
  MessageTooLarge: { status: 413, retryable: false, meaning: 'a message or event over 256 KiB' },
  CursorInvalid: {
    status: 400,
    retryable: false,
    meaning: 'a cursor that this query did not give',
  },
  StorageFailed: {
    status: 503,
    retryable: true,
    meaning: 'the disk or the service behind a port failed; the old state stays readable',
  },
  AccessRefused: {
    status: 500,
    retryable: false,
    meaning: 'the credentials or the role of the caller may not do this on AWS',
  },
  SettingsInvalid: {
    status: 500,
    retryable: false,
    meaning: 'settings, in the environment or as options, that are missing or do not fit together',
  },
  // Executions and compute
  ExecutionNotFound: { status: 404, retryable: false, meaning: 'no execution of this name' },
  ExecutionConflict: {
    status: 409,
    retryable: false,
    meaning: 'an execution that already exists, or cannot be stopped or redriven as it stands',
  },
  WorkflowNotFound: { status: 404, retryable: false, meaning: 'no workflow of this name' },
  ComputeFailed: { status: 500, retryable: true, meaning: 'a worker thread died' },
  ComputeAborted: { status: 499, retryable: false, meaning: 'a computation was aborted' },
  // Tasks and workflows
  TaskInputInvalid: {
    status: 400,
    retryable: false,
    meaning: "a task's input that its schema refuses",
  },
  TaskOutputInvalid: {
    status: 500,
    retryable: false,
    meaning: "a task's output that its schema refuses",
  },
  WorkflowInvalid: {
    status: 500,
    retryable: false,
    meaning: 'a definition and its tasks that do not fit together',
  },
  PatternInvalid: { status: 500, retryable: false, meaning: 'an event pattern that is not one' },
  // Names, models and predictions
  NameInvalid: {
    status: 400,
    retryable: false,
    meaning: 'a user, dataset or model name that is not allowed',
  },
  ModelNotFound: { status: 404, retryable: false, meaning: 'no such model, version or alias' },
  ModelFileInvalid: {
    status: 500,
    retryable: false,
    meaning: 'a model file that fails its checksum or its schema',
  },
  InstancesInvalid: {
    status: 400,
    retryable: false,
    meaning: 'rows to predict that do not fit the model',
  },
  RequestInvalid: { status: 400, retryable: false, meaning: 'a request that its schema refuses' },
  RouteNotFound: { status: 404, retryable: false, meaning: 'no such route' },
  MethodNotAllowed: { status: 405, retryable: false, meaning: 'a route that has no such method' },
  BodyTooLarge: { status: 413, retryable: false, meaning: 'a request body over its limit' },
  MediaTypeUnsupported: {
    status: 415,
    retryable: false,
    meaning: 'a request body of a type that the route does not take',
  },
  HeadersTooLarge: {
    status: 431,
    retryable: false,
    meaning: 'a URL and headers over their limit',
  },
  RequestTimeout: {
    status: 408,
    retryable: true,
    meaning: 'a request that took too long to arrive',
  },
  HostRefused: {
    status: 403,
    retryable: false,
    meaning: 'a request to a loopback server with a foreign Host or Origin',
  },
  InternalError: {
    status: 500,
    retryable: false,
    meaning: 'a fault of ours; the log has its cause',
  },
  // Users and what they may do
  Unauthenticated: {
    status: 401,
    retryable: false,
    meaning: 'no key, or one that is malformed, unknown or revoked',
  },
  PermissionDenied: { status: 403, retryable: false, meaning: 'a role that may not do this' },
  QuotaExceeded: {
    status: 429,
    retryable: true,
    meaning: 'more requests, rows or bytes than the plan of the user has',
  },
  UserNotFound: { status: 404, retryable: false, meaning: 'no user of this name' },
  KeyNotFound: { status: 404, retryable: false, meaning: 'the user has no key of this id' },
  PlanNotFound: { status: 404, retryable: false, meaning: 'no plan of this name' },
  UserExists: { status: 409, retryable: false, meaning: 'a user that is there already' },
  IdempotencyKeyReused: {
    status: 422,
    retryable: false,
    meaning: 'an Idempotency-Key that came before with another request',
  },
  RequestInProgress: {
    status: 409,
    retryable: true,
    meaning: 'another request is about the same, and has not ended yet',
  },
  // Datasets, predictions and batches
  DatasetNotFound: { status: 404, retryable: false, meaning: 'no such dataset, or version of it' },
  DatasetConflict: {
    status: 409,
    retryable: true,
    meaning: 'a dataset that changed during the request',
  },
  DatasetExists: {
    status: 409,
    retryable: false,
    meaning: 'a dataset of other columns that is there already',
  },
  DatasetInUse: {
    status: 409,
    retryable: false,
    meaning: 'a dataset that models learned from, and that is to be removed',
  },
  RowsInvalid: {
    status: 400,
    retryable: false,
    meaning: 'rows that do not fit the columns of their dataset; none was taken',
  },
  PredictionNotFound: { status: 404, retryable: false, meaning: 'no prediction of this id' },
  MessageNotFound: { status: 404, retryable: false, meaning: 'no dead letter of this id' },
  BatchNotFound: { status: 404, retryable: false, meaning: 'no batch of this name' },
  BatchUnfinished: {
    status: 409,
    retryable: true,
    meaning: 'results of a batch that has none yet',
  },
  ResultsDamaged: {
    status: 409,
    retryable: false,
    meaning: 'results of a batch that are not what was written; to resume it predicts them anew',
  },
  ModelDeleted: {
    status: 410,
    retryable: false,
    meaning: 'a model that was deleted; its predictions still name it',
  },
  AliasChanged: {
    status: 412,
    retryable: false,
    meaning: 'an alias that is not at the revision that If-Match names',
  },
  PolicyChanged: {
    status: 412,
    retryable: false,
    meaning: "a model's drift policy that is not at the revision that If-Match names",
  },
  // The embedded platform and the command line
  DataDirectoryBusy: {
    status: 409,
    retryable: true,
    meaning: 'a data directory that another process owns',
  },
  DataDirectoryInvalid: {
    status: 500,
    retryable: false,
    meaning: 'a data directory that is damaged or from a newer version',
  },
  PlatformNotRunning: {
    status: 503,
    retryable: true,
    meaning: 'a command found no platform running on its data directory',
  },
  StackNotFound: {
    status: 404,
    retryable: false,
    meaning: 'a command found no Millrace stack of this name in the account and region',
  },
  DeploymentFailed: {
    status: 500,
    retryable: true,
    meaning: 'a stack that could not be deployed or removed; what was kept is as it was',
  },
  PackageMissing: {
    status: 500,
    retryable: false,
    meaning: 'a command needs an optional package that is not installed',
  },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>

export type ErrorName = keyof typeof errorTable

/**
 * An error of the table. `name` tells which; `message` says what happened, what was found and what
 * to do; `cause` keeps the error underneath; `details` is JSON for programs.
 */
export class MillraceError extends Error {
  override readonly name: ErrorName
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(
    name: ErrorName,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = name
    this.details = options.details
  }

  get status(): number {
    return errorTable[this.name].status
  }

  get retryable(): boolean {
    return errorTable[this.name].retryable
  }
}

/** Whether `error` is a MillraceError, and of `name` where one is given. */
export function isMillraceError(error: unknown, name?: ErrorName): error is MillraceError {
  return error instanceof MillraceError && (name === undefined || error.name === name)
}

import { isMillraceError, type ErrorName } from '../platform/ports/index.ts'

/** What the `millrace` command answers to the shell. */
export const exitCodes = {
  success: 0,
  /** A fault of ours, of the disk or of the machine. */
  failure: 1,
  /** A command line that is not one. */
  usage: 2,
  /** No platform runs on the data directory, or there is no such stack. */
  notRunning: 3,
  /** The dataset was rejected: the reasons are printed. */
  rejected: 4,
  /** The execution failed, timed out or was stopped; or what it made is damaged. */
  executionFailed: 5,
  /** No such model, version, execution, user, key, plan or dead letter. */
  notFound: 6,
  /** A request that the platform refused as it stands. */
  refused: 7,
  /** Another process owns the data directory, or a port is taken. */
  busy: 8,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const

const codeOfError: Partial<Record<ErrorName, number>> = {
  PlatformNotRunning: exitCodes.notRunning,
  StackNotFound: exitCodes.notRunning,
  DataDirectoryBusy: exitCodes.busy,
  SettingsInvalid: exitCodes.usage,
  ResultsDamaged: exitCodes.executionFailed,
  ModelNotFound: exitCodes.notFound,
  ExecutionNotFound: exitCodes.notFound,
  WorkflowNotFound: exitCodes.notFound,
  ObjectNotFound: exitCodes.notFound,
  PlanNotFound: exitCodes.notFound,
  DatasetNotFound: exitCodes.notFound,
  PredictionNotFound: exitCodes.notFound,
  BatchNotFound: exitCodes.notFound,
  ModelDeleted: exitCodes.notFound,
  UserNotFound: exitCodes.notFound,
  KeyNotFound: exitCodes.notFound,
  MessageNotFound: exitCodes.notFound,
}

export function exitCodeOf(error: unknown): number {
  const cause = error instanceof Error ? error.cause : undefined
  if ([error, cause].some(isAddressInUse)) return exitCodes.busy
  if (!isMillraceError(error)) return exitCodes.failure
  const known = codeOfError[error.name]
  if (known !== undefined) return known
  return error.status >= 400 && error.status < 500 ? exitCodes.refused : exitCodes.failure
}

function isAddressInUse(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'EADDRINUSE'
}

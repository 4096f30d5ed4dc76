import { type ErrorName, errorTable, MillraceError } from '../ports/errors.ts'

/** An error as data, since one that is sent to another thread or process loses its name. */
export interface ErrorData {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack } = error
  const details = 'details' in error ? jsonCopy(error.details) : undefined
  return {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...(details !== undefined && { details }),
  }
}

/** The error that was made data, as it was but for its class. */
export function errorFrom({ name, message, stack, details }: ErrorData): Error {
  const error = Object.hasOwn(errorTable, name)
    ? new MillraceError(name as ErrorName, message, details === undefined ? {} : { details })
    : Object.assign(new Error(message), { name })
  if (stack !== undefined) error.stack = stack
  return error
}

/** What of an error's details can be sent; an error must never fail for its details. */
function jsonCopy(details: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(details))
    return typeof copy === 'object' && copy !== null ? { ...copy } : undefined
  } catch {
    return undefined
  }
}

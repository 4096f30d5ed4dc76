/**
 * One table of the errors that reading, writing and shaping data throws. A name is API: validation
 * turns it into a reason, and programs match it.
 */
export const dataErrors = {
  NpyInvalid: 'bytes that are not a well-formed .npy file, or an array that cannot be one',
  NpyUnsupported:
    'a well-formed .npy file of a kind that is not read: object, structured, text, date, complex ' +
    'or extended-precision values, or Fortran order where rows are asked for',
  CsvInvalid: 'text that is not a table with a header',
  SafetensorsInvalid: 'bytes or tensors that break a rule of the safetensors format',
  SafetensorsUnsupported: 'a safetensors file with a number type that is not read',
  IntegerInexact: 'an integer that a double cannot hold exactly',
  ShapeInvalid: 'an array whose shape does not fit what it is asked to be',
  RowRangeInvalid: 'a range of rows outside of the array',
  TargetNotFound: 'a target column that the table does not have',
} as const

export type DataErrorName = keyof typeof dataErrors

/** Where and what: each is there when the error has it. */
export interface DataErrorDetails {
  /** Byte offset in the file. */
  readonly offset?: number
  /** What stood there, as text. */
  readonly found?: string
  /** Row of the array or table, counted from 0. */
  readonly row?: number
  /** Column of the array or table, counted from 0. */
  readonly column?: number
  readonly cause?: unknown
}

/** An error of the table. `message` says what happened, what was found and what to do. */
export class DataError extends Error {
  override readonly name: DataErrorName
  readonly offset: number | undefined
  readonly found: string | undefined
  readonly row: number | undefined
  readonly column: number | undefined

  constructor(name: DataErrorName, message: string, details: DataErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.name = name
    this.offset = details.offset
    this.found = details.found
    this.row = details.row
    this.column = details.column
  }
}

/**
 * Whether `error` is a DataError, and of `name` where one is given. One that comes from another thread
 * has lost its class and kept its name.
 */
export function isDataError(error: unknown, name?: DataErrorName): error is DataError {
  const isKnown = error instanceof Error && Object.hasOwn(dataErrors, error.name)
  return isKnown && (name === undefined || error.name === name)
}

/** Text from outside as it may stand in a message: quoted, control characters escaped, cut short. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
}

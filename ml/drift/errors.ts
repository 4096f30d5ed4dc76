/** One table of what the drift module refuses: `name` tells which. A name is API. */
export const driftErrors = {
  DriftOptionsInvalid: 'an option that is unknown, of the wrong type or outside its range',
  DriftValueInvalid: 'a value that a detector cannot take in: not finite, or too large',
  DriftStateInvalid: 'a saved detector state that is not one',
  DriftBaselineInvalid: 'a saved baseline that is not one',
  DriftRowsInvalid: 'rows that do not fit the baseline or its feature names',
} as const satisfies Record<string, string>

export type DriftErrorName = keyof typeof driftErrors

/** An error of the table. `message` says what was found and what is allowed. */
export class DriftError extends Error {
  override readonly name: DriftErrorName

  constructor(name: DriftErrorName, message: string) {
    super(message)
    this.name = name
  }
}

/** Whether `error` is a DriftError, and of `name` where one is given. */
export function isDriftError(error: unknown, name?: DriftErrorName): error is DriftError {
  return error instanceof DriftError && (name === undefined || error.name === name)
}

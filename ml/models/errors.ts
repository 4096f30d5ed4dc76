/** One table of what the learning algorithms throw: `name` tells which. */
export const modelErrors = {
  OptionInvalid: 'an option or a trainer that is unknown, or a value that it does not take',
  ShapeMismatch: 'a matrix, targets or a row whose sizes do not fit each other or the model',
  DatasetEmpty: 'a matrix without rows or without columns',
  ValueNotFinite: 'a feature or a target that is NaN or infinite',
  ValueTooLarge: 'a feature or a target beyond 1e140, whose products would overflow; rescale it',
  OneClass: 'targets of fewer than two classes: there is nothing to tell apart',
  TooManyClasses: 'targets of so many classes that they are a quantity, not classes',
  CategoryUnknown: 'a category that was not there when the encoder learned',
  MemoryExceeded: 'a fit or a model whose arrays cannot be made for lack of memory',
  RowCapExceeded: 'more rows than the algorithm can learn from in a useful time',
  NotFitted: 'a model that was asked before it learned',
  NotConverged: 'an optimisation that reached its limit of iterations before its tolerance',
  FitAborted: 'a fit that its signal aborted',
  ModelFileInvalid: 'a model file that fails its checksum or its schema',
} as const satisfies Record<string, string>

export type ModelErrorName = keyof typeof modelErrors

/** An error of the table. `message` says what happened, what was found and what to do. */
export class ModelError extends Error {
  override readonly name: ModelErrorName

  constructor(name: ModelErrorName, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = name
  }
}

/** Whether `error` is a ModelError, and of `name` where one is given. */
export function isModelError(error: unknown, name?: ModelErrorName): error is ModelError {
  return error instanceof ModelError && (name === undefined || error.name === name)
}

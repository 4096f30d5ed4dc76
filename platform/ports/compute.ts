/**
 * Compute: pure functions that take long, kept off the thread that answers requests. Embedded they
 * run in worker threads; in a Lambda function, which serves one task alone, in place.
 *
 * A job is a module's export, so that a worker can load it by itself. Inputs and outputs are
 * structured-cloneable (typed arrays and plain data).
 *
 * Errors: what the job throws, by name and message; ComputeAborted; ComputeFailed when its thread
 * died.
 */
export interface Compute {
  run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options?: { signal?: AbortSignal },
  ): Promise<Output>
}

export interface Job<Input, Output> {
  /** `import.meta.url` of the module that exports the job. */
  readonly module: string
  /** The name under which it is exported. */
  readonly name: string
  run(input: Input): Output | Promise<Output>
}

/** Names a function as a job: `export const fit = defineJob(import.meta.url, 'fit', (input) => …)`. */
export function defineJob<Input, Output>(
  module: string,
  name: string,
  run: (input: Input) => Output | Promise<Output>,
): Job<Input, Output> {
  return { module, name, run }
}

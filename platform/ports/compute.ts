/**
 * Compute: pure functions that take long, kept off the thread that answers requests. Embedded they
 * run in worker threads; in a Lambda function, which serves one task alone, in place.
 *
 * A job is a module's export, so that a worker can load it by itself. Inputs and outputs are
 * structured-cloneable (typed arrays and plain data). A job has copies of its own, but for what is in a
 * SharedArrayBuffer: that it shares with who called it.
 *
 * Errors: what the job throws, by name and message; ComputeAborted; ComputeFailed when its thread
 * died.
 */
export interface Compute {
  /** Where a training can run, the usual place first; there is always one. */
  readonly places: readonly Place[]
  /** Tasks of one batch that compute at one time unless more is asked for: others keep their share. */
  readonly concurrency: number
  run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options?: { signal?: AbortSignal },
  ): Promise<Output>
}

/** Somewhere that a training can run. */
export interface Place {
  /** What the training workflow goes by: a Choice sends a candidate to the state of its place. */
  readonly name: PlaceName
  /** Memory of the process in bytes. */
  readonly memoryBytes: number
  /** Seconds by the clock after which a run is ended; null where there is no limit. */
  readonly seconds: number | null
}

export const placeNames = ['function', 'large-function', 'container'] as const
export type PlaceName = (typeof placeNames)[number]

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

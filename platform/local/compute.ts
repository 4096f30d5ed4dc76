import { availableParallelism, totalmem } from 'node:os'
import { Piscina } from 'piscina'
import type { Compute, Job, Place } from '../ports/compute.ts'
import { MillraceError } from '../ports/errors.ts'
import type { JobAnswer, JobCall } from './compute-worker.ts'
import { errorFrom } from './error-data.ts'

export interface LocalComputeOptions {
  /** Worker threads at most. @default one less than the cores, at least 1 */
  readonly threads?: number
  /** An idle thread ends after this time. @default 60_000 */
  readonly idleMs?: number
}

/**
 * The compute port on worker threads, made when the first job comes. An idle thread does not keep
 * the process alive.
 */
export class LocalCompute implements Compute {
  /** This machine, where nothing ends what takes long. */
  readonly places: readonly Place[] = [{ name: 'function', memoryBytes: totalmem(), seconds: null }]
  readonly concurrency: number
  readonly #options: Required<LocalComputeOptions>
  #pool: Piscina | undefined
  #isClosed = false

  constructor(options: LocalComputeOptions = {}) {
    const threads = Math.max(1, availableParallelism() - 1)
    this.#options = { threads, idleMs: 60_000, ...options }
    this.concurrency = this.#options.threads
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options: { signal?: AbortSignal } = {},
  ): Promise<Output> {
    const { signal } = options
    if (signal?.aborted) throw aborted(job.name, signal.reason)
    if (this.#isClosed) throw failed(job.name, 'the platform is closed')
    const call: JobCall = { module: job.module, name: job.name, input }
    const answer = await this.#answer(call, signal)
    if (!answer.ok) throw errorFrom(answer.error)
    return answer.output as Output
  }

  /** Ends the threads; jobs under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#pool?.destroy()
    this.#pool = undefined
  }

  async #answer(call: JobCall, signal: AbortSignal | undefined): Promise<JobAnswer> {
    this.#pool ??= new Piscina({
      filename: workerUrl.href,
      minThreads: 0,
      maxThreads: this.#options.threads,
      idleTimeout: this.#options.idleMs,
    })
    try {
      return (await this.#pool.run(call, signal === undefined ? {} : { signal })) as JobAnswer
    } catch (error) {
      if (signal?.aborted) throw aborted(call.name, signal.reason)
      throw failed(call.name, error instanceof Error ? error.message : String(error), error)
    }
  }
}

/** The worker as this module is: TypeScript in development, JavaScript in the package. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './compute-worker.ts' : './compute-worker.js',
  import.meta.url,
)

function aborted(job: string, cause: unknown): MillraceError {
  return new MillraceError('ComputeAborted', `the computation ${job} was aborted`, { cause })
}

function failed(job: string, reason: string, cause?: unknown): MillraceError {
  const message = `the thread of the computation ${job} ended before it answered: ${reason}`
  return new MillraceError('ComputeFailed', message, { cause })
}

import type { Compute, Job, Place } from '../ports/compute.ts'
import { MillraceError } from '../ports/errors.ts'

/**
 * The compute port in place, for tests. Input and output are cloned as a worker thread would have
 * them, so that a job that shares state with its caller shows.
 */
export class MemoryCompute implements Compute {
  readonly places: readonly Place[]
  readonly concurrency = 8

  constructor(places: readonly Place[] = [roomyFunction]) {
    this.places = places
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    options: { signal?: AbortSignal } = {},
  ): Promise<Output> {
    const { signal } = options
    if (signal?.aborted) throw aborted(job.name, signal)
    const running = Promise.resolve(structuredClone(input)).then((clone) => job.run(clone))
    if (signal === undefined) return structuredClone(await running)

    let abort = () => {}
    const abortion = new Promise<never>((_, reject) => {
      abort = () => reject(aborted(job.name, signal))
      signal.addEventListener('abort', abort, { once: true })
    })
    try {
      return structuredClone(await Promise.race([running, abortion]))
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }
}

const roomyFunction: Place = { name: 'function', memoryBytes: 16 * 1024 ** 3, seconds: null }

function aborted(job: string, signal: AbortSignal): MillraceError {
  const message = `the computation ${job} was aborted`
  return new MillraceError('ComputeAborted', message, { cause: signal.reason })
}

import { totalmem } from 'node:os'
import type { Compute, Job, Place } from '../ports/compute.ts'
import { MillraceError } from '../ports/errors.ts'

/** Lambda ends a call after so long. */
const maxFunctionSeconds = 900

/**
 * The compute port in place: a Lambda function serves one task at a time, so that there is nothing
 * that a long job could keep waiting. A job that does not pause cannot be aborted while it runs.
 */
export class InPlaceCompute implements Compute {
  readonly places: readonly Place[]
  /** Of a function's thousand: so few are not missed by those that answer requests. */
  readonly concurrency = 8

  /** @param places where trainings can run. @default functions like this one */
  constructor(places: readonly Place[] = [likeThis()]) {
    this.places = places
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Output> {
    if (signal?.aborted) throw aborted(job.name, signal)
    // A job may work in place on what it is given, as it may in a thread of its own.
    const running = Promise.resolve(structuredClone(input)).then((clone) => job.run(clone))
    return signal === undefined ? running : untilAborted(running, job.name, signal)
  }
}

function likeThis(): Place {
  return { name: 'function', memoryBytes: totalmem(), seconds: maxFunctionSeconds }
}

async function untilAborted<Output>(
  running: Promise<Output>,
  job: string,
  signal: AbortSignal,
): Promise<Output> {
  const { promise: abortion, reject } = Promise.withResolvers<never>()
  const abort = () => reject(aborted(job, signal))
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([running, abortion])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function aborted(job: string, { reason: cause }: AbortSignal): MillraceError {
  return new MillraceError('ComputeAborted', `the computation ${job} was aborted`, { cause })
}

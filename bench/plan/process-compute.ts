import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import type { Compute, Job, Place } from '../../platform/ports/index.ts'
import { readRemote, type LentSource, type RemoteSource } from '../../tasks/remote-source.ts'

/** What a job took, in a process of its own. */
export interface MeasuredJob {
  readonly job: string
  readonly input: Readonly<Record<string, unknown>>
  /** Processor time of the job, without that of the start of its process. */
  readonly seconds: number
  /** Resident memory of the process at its highest. */
  readonly peakBytes: number
}

export interface ChildCall {
  readonly module: string
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
  /** Files with the bytes of properties of the input, which are held once. */
  readonly large: Readonly<Record<string, string>>
}

export type ChildAnswer =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly name: string; readonly message: string }

/** The compute port with a fresh process for each job, one after the other, as functions have one each. */
export class ProcessCompute implements Compute {
  readonly places: readonly Place[] = [{ name: 'function', memoryBytes: totalmem(), seconds: null }]
  readonly concurrency = 1
  readonly measured: MeasuredJob[] = []
  #last: Promise<unknown> = Promise.resolve()

  run<Input, Output>(job: Job<Input, Output>, input: Input): Promise<Output> {
    const running = this.#last.then(() => this.#run(job, input as Record<string, unknown>))
    this.#last = running.catch(() => undefined)
    return running as Promise<Output>
  }

  async #run(job: Job<never, unknown>, input: Record<string, unknown>): Promise<unknown> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-plan-'))
    try {
      const { small, large } = await setAside(input, folder)
      const call: ChildCall = { module: job.module, name: job.name, input: small, large }
      await writeFile(join(folder, 'call'), serialize(call))
      const script = fileURLToPath(new URL('./job-child.ts', import.meta.url))
      const files = [join(folder, 'call'), join(folder, 'answer')]
      await promisify(execFile)(process.execPath, [script, ...files])
      const answer = deserialize(await readFile(files[1]!)) as ChildAnswer & MeasuredJob
      this.measured.push({
        job: job.name,
        input: small,
        seconds: answer.seconds,
        peakBytes: answer.peakBytes,
      })
      if (answer.ok) return answer.output
      throw Object.assign(new Error(answer.message), { name: answer.name })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Bytes, values and what is lent go to files, so that the process reads them as it would an object. */
async function setAside(input: Record<string, unknown>, folder: string) {
  const small: Record<string, unknown> = {}
  const large: Record<string, string> = {}
  for (const [property, value] of Object.entries(input)) {
    if (isRemote(value)) {
      small[property] = { blockBytes: value.room.length }
      large[property] = join(folder, property)
      const file = large[property]
      await readRemote(value, (source) => writeFile(file, blocksOf(source)))
      continue
    }
    const held = value instanceof Uint8Array ? value : valuesOf(value)
    if (held === undefined) {
      small[property] = value
      continue
    }
    if (held !== value) small[property] = { ...(value as object), data: null }
    large[property] = join(folder, property)
    await writeFile(large[property], new Uint8Array(held.buffer, held.byteOffset, held.byteLength))
  }
  return { small, large }
}

function isRemote(value: unknown): value is RemoteSource {
  return typeof value === 'object' && value !== null && 'channel' in value && 'room' in value
}

async function* blocksOf(source: LentSource): AsyncIterable<Uint8Array> {
  const { size, blockBytes } = source
  for (let start = 0; start < size; start += blockBytes) {
    yield await source.read(start, Math.min(start + blockBytes, size))
  }
}

function valuesOf(value: unknown): Float64Array | undefined {
  const { data } = (value ?? {}) as { data?: unknown }
  return data instanceof Float64Array ? data : undefined
}

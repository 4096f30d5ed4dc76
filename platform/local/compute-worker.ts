import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { errorData, type ErrorData } from './error-data.ts'

/** A job as it goes to a worker thread: the module and export to load, and its input. */
export interface JobCall {
  readonly module: string
  readonly name: string
  readonly input: unknown
}

export type JobAnswer =
  | { readonly ok: true; readonly output: unknown }
  | { readonly ok: false; readonly error: ErrorData }

/** How far the work of these threads stands back behind what answers requests; 0 is as far as that. */
const niceness = 10

giveWay()

/** What a worker thread runs. */
export default async function runJob({ module, name, input }: JobCall): Promise<JobAnswer> {
  try {
    const exports = (await import(module)) as Record<string, unknown>
    const job = exports[name]
    if (!isJob(job)) throw new TypeError(`${module} exports no job ${name}`)
    return { ok: true, output: await job.run(input) }
  } catch (error) {
    return { ok: false, error: errorData(error) }
  }
}

function isJob(value: unknown): value is { run(input: unknown): unknown } {
  return typeof value === 'object' && value !== null && 'run' in value
}

/** To Linux a thread is a process whose number is under this name; elsewhere threads have no priority. */
function giveWay(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, niceness)
  } catch {
    return
  }
}

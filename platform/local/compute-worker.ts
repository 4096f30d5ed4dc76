/** A job as it goes to a worker thread: the module and export to load, and its input. */
export interface JobCall {
  readonly module: string
  readonly name: string
  readonly input: unknown
}

export type JobAnswer =
  { readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly error: JobError }

/** An error as data, since one that is posted to another thread loses its name. */
export interface JobError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly details?: Readonly<Record<string, unknown>>
}

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

function errorData(error: unknown): JobError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack } = error
  const details = 'details' in error ? jsonCopy(error.details) : undefined
  return {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...(details !== undefined && { details }),
  }
}

/** What of an error's details can be posted; an error must never fail for its details. */
function jsonCopy(details: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(details))
    return typeof copy === 'object' && copy !== null ? { ...copy } : undefined
  } catch {
    return undefined
  }
}

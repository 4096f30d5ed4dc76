import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import {
  errorTable,
  isMillraceError,
  MillraceError,
  type ErrorName,
  type ExecutionEvent,
  type ExecutionStatus,
} from '../platform/ports/index.ts'

const address = z.object({ url: z.url(), pid: z.int().positive() })

export interface DescribedExecution {
  readonly workflow: string
  readonly name: string
  readonly status: ExecutionStatus
  readonly startDate: string
  readonly stopDate?: string
  readonly input?: unknown
  readonly output?: unknown
  readonly error?: string
  readonly cause?: string
}

/** Talks to the running platform over HTTP, as any other program would. */
export interface Client {
  readonly url: string
  get<Answer>(path: string, query?: Record<string, string | number | undefined>): Promise<Answer>
  post<Answer>(path: string, body: unknown): Promise<Answer>
}

/**
 * Finds the platform that runs on a data directory by the address it left there.
 * Throws PlatformNotRunning.
 */
export async function connect(dataDir: string): Promise<Client> {
  let found: z.infer<typeof address>
  try {
    const text = await readFile(join(dataDir, 'platform.json'), 'utf8')
    found = address.parse(JSON.parse(text))
  } catch (error) {
    throw notRunning(dataDir, error)
  }
  // A killed platform leaves its address, at which another one may listen by now.
  if (!isRunning(found.pid)) throw notRunning(dataDir, undefined)
  const client = clientOf(found.url, (error) => notRunning(dataDir, error))
  await client.get('/health')
  return client
}

export function clientOf(url: string, unreachable: (error: unknown) => Error): Client {
  const send = async <Answer>(path: string, init?: RequestInit): Promise<Answer> => {
    let response: Response
    try {
      response = await fetch(new URL(path, url), init)
    } catch (error) {
      throw unreachable(error)
    }
    if (!response.ok) throw await problemIn(response)
    return (await response.json()) as Answer
  }
  return {
    url,
    get: (path, query = {}) => {
      const given = Object.entries(query).filter(([, value]) => value !== undefined)
      const search = new URLSearchParams(
        given.map(([name, value]): [string, string] => [name, String(value)]),
      )
      return send(given.length === 0 ? path : `${path}?${search.toString()}`)
    },
    post: (path, body) =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
  }
}

/**
 * The events of an execution as they come, until it has ended or the signal is aborted.
 * Throws ExecutionNotFound, PlatformNotRunning.
 */
export async function* followEvents(
  client: Client,
  name: string,
  workflow: string,
  signal: AbortSignal,
): AsyncGenerator<ExecutionEvent> {
  let after = 0
  while (!signal.aborted) {
    const { status, events } = await client.get<{
      status: ExecutionStatus
      events: ExecutionEvent[]
    }>(`/executions/${name}/events`, { workflow, after, wait: 1 })
    yield* events
    after = events.at(-1)?.id ?? after
    if (status !== 'RUNNING' && events.length === 0) return
  }
}

/**
 * The execution that takes one version of an upload, once its event has started it.
 * Throws ExecutionNotFound when none has after `patience` milliseconds.
 */
export async function executionOfUpload(
  client: Client,
  upload: { key: string; versionId: string },
  signal: AbortSignal,
  patience = 30_000,
): Promise<string> {
  const until = Date.now() + patience
  for (;;) {
    try {
      const found = await client.get<{ execution: string }>('/uploads/delivery', upload)
      return found.execution
    } catch (error) {
      if (!isMillraceError(error, 'ExecutionNotFound') || Date.now() > until || signal.aborted) {
        throw error
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function problemIn(response: Response): Promise<MillraceError> {
  const text = await response.text()
  try {
    const problem = JSON.parse(text) as { type: string; detail: string }
    const name = problem.type.split(':').at(-1) ?? ''
    if (Object.hasOwn(errorTable, name)) return new MillraceError(name as ErrorName, problem.detail)
  } catch {
    // Not a problem document: told as it came.
  }
  return new MillraceError(
    'InternalError',
    `the platform answered ${response.status}: ${text.slice(0, 500)}`,
  )
}

function notRunning(dataDir: string, cause: unknown): MillraceError {
  return new MillraceError(
    'PlatformNotRunning',
    `no platform is running on ${dataDir}; start one with: npx millrace dev --data-dir ${dataDir}`,
    { cause },
  )
}

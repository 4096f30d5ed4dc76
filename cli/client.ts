import {
  errorTable,
  isMillraceError,
  MillraceError,
  type ErrorName,
  type ExecutionEvent,
  type ExecutionStatus,
} from '../platform/ports/index.ts'

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

/** A request as the client makes it. */
export interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

/** How requests go out: plain for a platform on this machine, with a key, or signed for a deployed one. */
export type Send = (url: URL, request?: Sent) => Promise<Response>

/** How often a platform is asked. */
export interface Pace {
  /** Seconds that a request may wait for news. */
  readonly longPoll: number
  /** Milliseconds between two looks for what must come soon. */
  readonly poll: number
  /** Milliseconds between two looks at a list that is shown. */
  readonly refresh: number
}

/** On this machine a request costs next to nothing. */
const embeddedPace: Pace = { longPoll: 1, poll: 20, refresh: 500 }

/** Talks to a running platform over HTTP, as any other program would. */
export interface Client {
  readonly url: string
  readonly pace: Pace
  get<Answer>(path: string, query?: Record<string, string | number | undefined>): Promise<Answer>
  /** What is no JSON, as a page. */
  getText(path: string, query?: Record<string, string | number | undefined>): Promise<string>
  /** What may be large, as it comes. */
  open(path: string, query?: Record<string, string | number | undefined>): Promise<Response>
  post<Answer>(path: string, body: unknown): Promise<Answer>
  put<Answer>(
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
  delete<Answer>(path: string): Promise<Answer>
}

export interface ClientOptions {
  /** What paths are below of. */
  readonly url: string
  /** What to throw where nothing answers. */
  readonly unreachable: (error: unknown) => Error
  readonly send?: Send
  /** Default: that of a platform on this machine. */
  readonly pace?: Pace
  /** How many times a GET is asked again that the gateway in front of the platform turned away. */
  readonly retries?: number
  readonly signal?: AbortSignal
}

export function clientOf(options: ClientOptions): Client {
  const { url, unreachable, send = fetch, pace = embeddedPace, signal } = options
  const answered = async (path: string, request: Sent, retries: number): Promise<Response> => {
    for (let tried = 0; ; tried++) {
      let response: Response
      try {
        response = await send(below(url, path), { ...request, ...(signal ? { signal } : {}) })
      } catch (error) {
        throw isMillraceError(error) ? error : unreachable(error)
      }
      if (response.ok) return response
      if (!turnedAway.has(response.status) || tried >= retries) throw await problemIn(response)
      await response.body?.cancel()
      await new Promise((resolve) => setTimeout(resolve, 200 * 2 ** tried))
    }
  }
  const ask = async <Answer>(path: string, request: Sent, retries: number): Promise<Answer> =>
    (await (await answered(path, request, retries)).json()) as Answer
  const retries = options.retries ?? 0
  return {
    url,
    pace,
    get: (path, query) => ask(withQuery(path, query), {}, retries),
    getText: async (path, query) => (await answered(withQuery(path, query), {}, retries)).text(),
    open: (path, query) => answered(withQuery(path, query), {}, retries),
    post: (path, body) => ask(path, withJson('POST', body), 0),
    put: (path, body, headers) => ask(path, withJson('PUT', body, headers), 0),
    delete: (path) => ask(path, { method: 'DELETE' }, 0),
  }
}

function withQuery(path: string, query: Record<string, string | number | undefined> = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const search = new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  )
  return given.length === 0 ? path : `${path}?${search.toString()}`
}

function withJson(
  method: string,
  body: unknown,
  more: Readonly<Record<string, string>> = {},
): Sent {
  const headers = { 'content-type': 'application/json', ...more }
  return { method, headers, body: JSON.stringify(body) }
}

/** What a gateway answers when it is throttled, or its function did not answer in time. */
const turnedAway: ReadonlySet<number> = new Set([429, 502, 503, 504])

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
    }>(`/executions/${name}/events`, { workflow, after, wait: client.pace.longPoll })
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
    await new Promise((resolve) => setTimeout(resolve, client.pace.poll))
  }
}

/** A path below a base URL that may have a path of its own. */
function below(base: string, path: string): URL {
  return new URL(`${base.replace(/\/$/, '')}${path}`)
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
  const answered = `the platform answered ${response.status}: ${text.slice(0, 500)}`
  if (response.status === 401 || response.status === 403) {
    return new MillraceError(
      'AccessRefused',
      `${answered}; an API with IAM authorization takes credentials with execute-api:Invoke on it, ` +
        'another one a key that it knows: --key, or MILLRACE_KEY',
    )
  }
  return new MillraceError('InternalError', answered)
}

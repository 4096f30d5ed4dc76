import type { Api } from '../../api/app.ts'
import type { Caller } from '../../tasks/caller.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body, where it is JSON. */
  readonly body: Record<string, unknown>
}

/** Asks an API as a caller that a gateway has let in; without one, as whoever the API makes of it. */
export function asker(api: Api, caller?: Caller) {
  return async (method: string, path: string, options: AskOptions = {}): Promise<Answer> => {
    const { body, headers = {}, signal } = options
    const isText = typeof body === 'string'
    const request = new Request(`http://localhost${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
    const response = await api.fetch(request, { caller })
    const text = await response.text()
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
    }
  }
}

export interface AskOptions {
  /** Sent as it is when text, else as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

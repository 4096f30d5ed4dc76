import { MillraceError, type Logger } from '../platform/ports/index.ts'
import type { Caller } from '../tasks/caller.ts'
import { requestIdOf, type AccessLog } from './access-log.ts'
import type { Idempotency } from './idempotency.ts'
import type { Prediction } from './prediction-shapes.ts'
import type { PredictionRequest, Predictions, PredictionTrace } from './predictions.ts'
import { problem, problemHeaders, problemOf } from './problem.ts'
import { refuseEncoded } from './requests.ts'

/** A request as a server has it before it makes a Request of it. */
export interface PlainRequest {
  readonly method: string
  /** Of a URL, with its query. */
  readonly path: string
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: () => string | Promise<string>
  /** Who asks, where a gateway has found that out. */
  readonly caller?: Caller | undefined
  /** The gateway's id of the request. */
  readonly requestId?: string | undefined
}

export interface PlainAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The way of predictions past Request and Response, which cost more than the prediction. What it
 * answers, logs and refuses is what `Api.fetch` does.
 */
export interface ShortWay {
  /** Whether it takes a request: a prediction, and not one that is to be done once. */
  takes(request: Pick<PlainRequest, 'method' | 'path' | 'headers'>): boolean
  /** Never fails: what is wrong, as that it is no prediction, is the answer. */
  answer(request: PlainRequest): Promise<PlainAnswer>
}

export interface ShortWayOptions {
  readonly accessLog: AccessLog
  readonly logger: Logger
  /** Does requests with an `Idempotency-Key` once. @default it takes none, and does what it is given */
  readonly idempotency?: Pick<Idempotency, 'answer'>
}

export function shortWay(
  predictions: Predictions,
  { accessLog, logger, idempotency }: ShortWayOptions,
): ShortWay {
  return {
    takes: ({ method, path, headers }) =>
      method === 'POST' &&
      (idempotency !== undefined || headers['idempotency-key'] === undefined) &&
      predictions.matches(path),

    async answer(request) {
      const { method, headers } = request
      const began = performance.now()
      const requestId = request.requestId ?? requestIdOf({ get: (name) => one(headers[name]) })
      const trace: PredictionTrace = {}
      const answer = await answerOf(request, trace)
      answer.headers['x-request-id'] = requestId
      accessLog({
        requestId,
        method,
        route: trace.route ?? null,
        status: answer.status,
        milliseconds: performance.now() - began,
        caller: trace.caller,
      })
      return answer
    },
  }

  async function answerOf(
    { method, path, headers, body, caller }: PlainRequest,
    trace: PredictionTrace,
  ): Promise<PlainAnswer & { headers: Record<string, string> }> {
    try {
      if (!predictions.matches(path)) {
        throw new MillraceError('RouteNotFound', `no route ${method} ${path}`)
      }
      if (method !== 'POST') {
        const message = `${path} takes POST, not ${method}`
        throw new MillraceError('MethodNotAllowed', message, {
          details: { headers: { allow: 'POST' } },
        })
      }
      const text = once(() => {
        refuseEncoded(one(headers['content-encoding']) ?? undefined)
        return body()
      })
      const answer = await predictions.answer(
        {
          path,
          contentType: one(headers['content-type']) ?? undefined,
          credentials: {
            authorization: one(headers['authorization']) ?? undefined,
            apiKey: one(headers['x-api-key']) ?? undefined,
          },
          admitted: caller,
          body: text,
          ...doneOnce({ method, path, key: one(headers['idempotency-key']), text }),
        },
        trace,
      )
      return {
        status: 200,
        headers: { 'content-type': 'application/json', ...answer.headers },
        body: JSON.stringify(answer.body),
      }
    } catch (error) {
      const told = problemOf(error, logger)
      return {
        status: told.status,
        headers: problemHeaders(told),
        body: JSON.stringify(problem(told)),
      }
    }
  }

  function doneOnce({
    key,
    text,
    ...request
  }: {
    method: string
    path: string
    key: string | null
    text: () => string | Promise<string>
  }): Pick<PredictionRequest, 'once'> | undefined {
    if (idempotency === undefined || key === null) return undefined
    return {
      once: async (caller, predict) => {
        const repeatable = { ...request, key, body: await text() }
        const { headers, body } = await idempotency.answer(repeatable, caller, async () => {
          const { headers, body } = await predict()
          return { status: 200, headers, body: JSON.stringify(body) }
        })
        return { headers, body: JSON.parse(body) as Prediction }
      },
    }
  }
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined
  return () => (made ??= { value: make() }).value
}

/** A header that came more than once counts as its first. */
function one(header: string | string[] | undefined): string | null {
  return (Array.isArray(header) ? header[0] : header) ?? null
}

import * as z from 'zod'
import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Logger,
  type Table,
} from '../platform/ports/index.ts'
import type { Caller } from '../tasks/caller.ts'
import { sha256 } from '../tasks/digest.ts'
import { keptSeconds } from '../tasks/repeated-appends.ts'
import { parsed, readBody } from './requests.ts'
import type { ApiContext } from './route.ts'

/** After how long a request that never ended (its process died) may be done anew, in seconds. */
export const abandonedSeconds = 120

/** What such a key may be. */
export const idempotencyKey = z
  .string()
  .regex(/^[!-~]{1,255}$/, 'give 1 to 255 printable characters without spaces')
  .describe('a repetition of the request with the same key gets the first answer')

/** Most bytes of an answer that is kept; a larger one is made again. */
const maxKeptAnswer = 256 * 1024

/** A request that may come again. */
export interface RepeatableRequest {
  /** Its `Idempotency-Key`, as it came. */
  readonly key: string
  readonly method: string
  /** Of its URL, with its query. */
  readonly path: string
  readonly body: string
}

/** An answer as it is kept. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Requests with the header `Idempotency-Key` are done once: a repetition, of the same caller with the
 * same key, is answered as the first one was. A request that was refused (4xx) or failed is forgotten:
 * nothing came of it, and with the same key it is tried anew.
 *
 * Throws RequestInvalid (a key that is none), IdempotencyKeyReused (it came with another request),
 * RequestInProgress (the first one has not ended).
 */
export interface Idempotency {
  /** Of a route; a request without a key is handled as it comes. */
  once(
    context: ApiContext,
    caller: Caller,
    handle: () => Promise<Response>,
    /** What of an answer in JSON is kept. @default all of it */
    kept?: (answer: object) => object,
  ): Promise<Response>
  /** Apart from any route. */
  answer(
    request: RepeatableRequest,
    caller: Caller,
    /** Gets what names the request and its repetitions, see `RequestBindings`. */
    handle: (repetition: string) => Promise<KeptAnswer>,
    /** What of an answer's body is kept. @default all of it */
    keptBody?: (body: string) => string,
  ): Promise<KeptAnswer>
}

export function createIdempotency({
  table,
  clock,
  logger,
}: {
  table: Table
  clock: Clock
  logger: Logger
}): Idempotency {
  return {
    async once(context, caller, handle, kept) {
      const { req } = context
      const key = req.header('idempotency-key')
      if (key === undefined) return handle()
      const body = await readBody(req.raw)
      // The handler reads the body once more.
      const { url, method, headers } = req.raw
      req.raw = new Request(url, { method, headers, body })
      const path = req.path + new URL(url).search
      return responseOf(
        await answer(
          { key, method, path, body },
          caller,
          async (repetition) => {
            context.env.repetition = repetition
            return keptOf(await handle())
          },
          kept && ((text) => JSON.stringify(kept(JSON.parse(text) as object))),
        ),
      )
    },
    answer,
  }

  async function answer(
    { key, method, path, body }: RepeatableRequest,
    caller: Caller,
    handle: (repetition: string) => Promise<KeptAnswer>,
    keptBody?: (body: string) => string,
  ): Promise<KeptAnswer> {
    parsed(z.object({ 'Idempotency-Key': idempotencyKey }), { 'Idempotency-Key': key })
    const digest = sha256(JSON.stringify([method, path, body]))
    const item = { pk: `idempotency#${caller.user ?? ''}`, sk: key }
    const now = Math.floor(clock.now() / 1000)
    const began = { ...item, digest, began: now, expiresAt: now + keptSeconds }
    const found = await table.get(item.pk, item.sk)
    const first = found === undefined || now - Number(found['began']) >= keptSeconds
    if (!first) {
      if (found['digest'] !== digest) {
        throw new MillraceError(
          'IdempotencyKeyReused',
          `Idempotency-Key ${key} came before with another request: take a new key for a new request`,
        )
      }
      if (typeof found['status'] === 'number') return repeated(found)
      if (now - Number(found['began']) < abandonedSeconds) throw inProgress(key)
    }
    try {
      const seen = found === undefined ? 'absent' : { began: found['began'] as number }
      await table.put(began, { if: seen })
    } catch (error) {
      if (isMillraceError(error, 'ConditionFailed')) throw inProgress(key)
      throw error
    }
    const repetition = sha256(JSON.stringify([item.pk, key, digest]))
    return keepAnswer(began, () => handle(repetition), keptBody)
  }

  async function keepAnswer(
    began: { pk: string; sk: string; began: number },
    handle: () => Promise<KeptAnswer>,
    keptBody: (body: string) => string = (body) => body,
  ): Promise<KeptAnswer> {
    const mine = { if: { began: began.began } }
    let first: KeptAnswer
    try {
      first = await handle()
    } catch (error) {
      // Nothing came of it: the same key may be used again.
      await table.delete(began.pk, began.sk, mine).catch(tell)
      throw error
    }
    const body = keptBody(first.body)
    if (Buffer.byteLength(body) <= maxKeptAnswer) {
      const item = { ...began, status: first.status, headers: lasting(first.headers), body }
      // What was done is answered, whether or not it can be answered again.
      await table.put(item, mine).catch(tell)
    } else await table.delete(began.pk, began.sk, mine).catch(tell)
    return first
  }

  function tell(error: unknown): void {
    logger.warn('the answer to an Idempotency-Key could not be kept', { error: String(error) })
  }
}

async function keptOf(response: Response): Promise<KeptAnswer> {
  const { status, headers } = response
  return { status, headers: Object.fromEntries(headers), body: await response.text() }
}

function responseOf({ status, headers, body }: KeptAnswer): Response {
  return new Response(body === '' ? null : body, { status, headers })
}

function repeated(kept: Readonly<Record<string, unknown>>): KeptAnswer {
  const headers = kept['headers'] as Readonly<Record<string, string>>
  return {
    status: kept['status'] as number,
    headers: { ...headers, 'idempotent-replayed': 'true' },
    body: kept['body'] as string,
  }
}

/** What is left of a quota is told of the moment. */
function lasting(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.toLowerCase().startsWith('ratelimit')),
  )
}

function inProgress(key: string): MillraceError {
  return new MillraceError(
    'RequestInProgress',
    `the first request with Idempotency-Key ${key} has not ended yet: ask again in a moment`,
  )
}

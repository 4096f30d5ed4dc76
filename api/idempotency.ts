import { createHash } from 'node:crypto'
import * as z from 'zod'
import {
  isMillraceError,
  MillraceError,
  type Clock,
  type Logger,
  type Table,
} from '../platform/ports/index.ts'
import type { Caller } from '../tasks/caller.ts'
import { parsed, readBody } from './requests.ts'
import type { ApiContext } from './route.ts'

/** How long an answer is kept for repetitions, in seconds. */
export const keptSeconds = 24 * 3600

/** After how long a request that never ended (its process died) may be done anew, in seconds. */
export const abandonedSeconds = 120

/** What such a key may be. */
export const idempotencyKey = z
  .string()
  .regex(/^[!-~]{1,255}$/, 'give 1 to 255 printable characters without spaces')
  .describe('a repetition of the request with the same key gets the first answer')

/** Most bytes of an answer that is kept; a larger one is made again. */
const maxKeptAnswer = 256 * 1024

/**
 * Requests with the header `Idempotency-Key` are done once: a repetition, of the same caller with the
 * same key, is answered as the first one was. A request that failed on our side is forgotten.
 *
 * Throws RequestInvalid (a key that is none), IdempotencyKeyReused (it came with another request),
 * RequestInProgress (the first one has not ended).
 */
export interface Idempotency {
  once(
    context: ApiContext,
    caller: Caller,
    handle: () => Promise<Response>,
    /** What of an answer in JSON is kept. @default all of it */
    kept?: (answer: object) => object,
  ): Promise<Response>
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
      const key = context.req.header('idempotency-key')
      if (key === undefined) return handle()
      parsed(z.object({ 'Idempotency-Key': idempotencyKey }), { 'Idempotency-Key': key })
      const body = await readBody(context.req.raw)
      const digest = digestOf(context.req.method, context.req.url, body)
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
      return keepAnswer(context, began, body, handle, kept)
    },
  }

  async function keepAnswer(
    context: ApiContext,
    began: { pk: string; sk: string; began: number },
    body: string,
    handle: () => Promise<Response>,
    kept?: (answer: object) => object,
  ): Promise<Response> {
    // The handler reads the body once more.
    const { raw } = context.req
    context.req.raw = new Request(raw.url, { method: raw.method, headers: raw.headers, body })
    const mine = { if: { began: began.began } }
    let response: Response
    try {
      response = await handle()
    } catch (error) {
      // Nothing came of it: the same key may be used again.
      await table.delete(began.pk, began.sk, mine).catch(tell)
      throw error
    }
    const answer = await response.clone().text()
    const text = kept === undefined ? answer : JSON.stringify(kept(JSON.parse(answer) as object))
    if (Buffer.byteLength(text) <= maxKeptAnswer) {
      const type = response.headers.get('content-type') ?? 'application/json'
      const item = { ...began, status: response.status, type, body: text }
      // What was done is answered, whether or not it can be answered again.
      await table.put(item, mine).catch(tell)
    } else await table.delete(began.pk, began.sk, mine).catch(tell)
    return response
  }

  function tell(error: unknown): void {
    logger.warn('the answer to an Idempotency-Key could not be kept', { error: String(error) })
  }
}

function repeated(kept: Readonly<Record<string, unknown>>): Response {
  return new Response(kept['body'] as string, {
    status: kept['status'] as number,
    headers: { 'content-type': kept['type'] as string, 'idempotent-replayed': 'true' },
  })
}

function inProgress(key: string): MillraceError {
  return new MillraceError(
    'RequestInProgress',
    `the first request with Idempotency-Key ${key} has not ended yet: ask again in a moment`,
  )
}

function digestOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

import { createHash } from 'node:crypto'
import { isMillraceError, MillraceError, type Clock, type Table } from '../platform/ports/index.ts'
import type { Caller } from '../tasks/caller.ts'
import { readBody } from './requests.ts'
import type { ApiContext } from './route.ts'

/** How long an answer is kept for repetitions, in seconds. */
export const keptSeconds = 24 * 3600

/** After how long a request that never ended (its process died) may be done anew, in seconds. */
export const abandonedSeconds = 120

/** Most characters of an answer that is kept; a larger one is made again. */
const maxKeptAnswer = 256 * 1024

/**
 * Requests with the header `Idempotency-Key` are done once: a repetition, of the same caller with the
 * same key, is answered as the first one was. A request that failed on our side is forgotten.
 *
 * Throws RequestInvalid (a key that is none), IdempotencyKeyReused (it came with another request),
 * RequestInProgress (the first one has not ended).
 */
export interface Idempotency {
  once(context: ApiContext, caller: Caller, handle: () => Promise<Response>): Promise<Response>
}

export function createIdempotency(table: Table, clock: Clock): Idempotency {
  return {
    async once(context, caller, handle) {
      const key = context.req.header('idempotency-key')
      if (key === undefined) return handle()
      if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
        throw new MillraceError(
          'RequestInvalid',
          'Idempotency-Key: give 1 to 255 printable characters without spaces',
        )
      }
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
      return keepAnswer(context, began, body, handle)
    },
  }

  async function keepAnswer(
    context: ApiContext,
    began: { pk: string; sk: string; began: number },
    body: string,
    handle: () => Promise<Response>,
  ): Promise<Response> {
    // The handler reads the body once more.
    const { raw } = context.req
    context.req.raw = new Request(raw.url, { method: raw.method, headers: raw.headers, body })
    const mine = { if: { began: began.began } }
    try {
      const response = await handle()
      const text = await response.clone().text()
      if (text.length <= maxKeptAnswer) {
        const type = response.headers.get('content-type') ?? 'application/json'
        await table.put({ ...began, status: response.status, type, body: text }, mine)
      } else await table.delete(began.pk, began.sk, mine)
      return response
    } catch (error) {
      await table.delete(began.pk, began.sk, mine)
      throw error
    }
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

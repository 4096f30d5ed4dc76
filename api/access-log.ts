import { randomUUID } from 'node:crypto'
import type { Logger } from '../platform/ports/index.ts'
import type { Caller } from '../tasks/caller.ts'

/** A request as the access log tells it: no body, no query, no secret. */
export interface AccessEntry {
  readonly requestId: string
  readonly method: string
  /** As the OpenAPI document names it; null for none of its routes. */
  readonly route: string | null
  readonly status: number
  readonly milliseconds: number
  readonly caller: Caller | undefined
}

export type AccessLog = (entry: AccessEntry) => void

export function debugLines(logger: Logger): AccessLog {
  return (entry) => logger.debug('request', accessLine(entry))
}

/** The fields of a log line. */
export function accessLine({ caller, milliseconds, ...entry }: AccessEntry) {
  return {
    ...entry,
    milliseconds: Math.round(milliseconds * 1000) / 1000,
    user: caller?.user ?? null,
    key: caller?.keyId ?? null,
  }
}

/** The id that the caller gave the request, if it is one, else a new one. */
export function requestIdOf(headers: Pick<Headers, 'get'>): string {
  const given = headers.get('x-request-id')
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID()
}

import { randomUUID } from 'node:crypto'
import * as z from 'zod'

/**
 * The envelope of every event on an EventBridge bus.
 * https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
 */
export const eventEnvelope = z.looseObject({
  version: z.literal('0'),
  id: z.string(),
  'detail-type': z.string(),
  source: z.string(),
  account: z.string(),
  time: z.string(),
  region: z.string(),
  resources: z.array(z.string()),
  detail: z.record(z.string(), z.unknown()),
})

export interface EventEnvelope<Detail = Record<string, unknown>> {
  readonly version: '0'
  readonly id: string
  readonly 'detail-type': string
  readonly source: string
  readonly account: string
  /** ISO 8601, whole seconds. */
  readonly time: string
  readonly region: string
  readonly resources: readonly string[]
  readonly detail: Detail
}

/** Where an event comes from; the embedded platform uses these defaults. */
export interface EventOrigin {
  readonly id?: string
  readonly account?: string
  readonly region?: string
  /** Milliseconds since 1970. */
  readonly time: number
}

export const defaultAccount = '000000000000'
export const defaultRegion = 'us-east-1'

/** Wraps a detail in its envelope. EventBridge gives times in whole seconds. */
export function envelope<Detail>(
  source: string,
  detailType: string,
  detail: Detail,
  resources: readonly string[],
  origin: EventOrigin,
): EventEnvelope<Detail> {
  return {
    version: '0',
    id: origin.id ?? randomUUID(),
    'detail-type': detailType,
    source,
    account: origin.account ?? defaultAccount,
    time: new Date(origin.time).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    region: origin.region ?? defaultRegion,
    resources: [...resources],
    detail,
  }
}

import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import {
  defaultAccount,
  envelope,
  eventEnvelope,
  type EventEnvelope,
  type EventOrigin,
} from './envelope.ts'
import type { EventPattern } from './pattern.ts'

/**
 * Amazon S3's "Object Created" event as EventBridge delivers it. Unlike in S3's own notifications the
 * key is not URL-encoded. `version-id` is there when the bucket keeps versions; `sequencer` orders
 * the events of one key: hexadecimal, compared as text after padding the shorter one on the right.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export const objectCreatedDetail = z.looseObject({
  version: z.literal('0'),
  bucket: z.looseObject({ name: z.string().min(1) }),
  object: z.looseObject({
    key: z.string().min(1),
    size: z.number().int().nonnegative(),
    etag: z.string().optional(),
    'version-id': z.string().optional(),
    sequencer: z.string().regex(/^[0-9A-Fa-f]+$/),
  }),
  'request-id': z.string().optional(),
  requester: z.string().optional(),
  'source-ip-address': z.string().optional(),
  reason: z.enum(['PutObject', 'POST Object', 'CopyObject', 'CompleteMultipartUpload']).optional(),
})

export const objectCreatedEventSchema = eventEnvelope.extend({
  source: z.literal('aws.s3'),
  'detail-type': z.literal('Object Created'),
  detail: objectCreatedDetail,
})

export type ObjectCreatedDetail = z.infer<typeof objectCreatedDetail>
export type ObjectCreatedEvent = EventEnvelope<ObjectCreatedDetail>

export interface ObjectCreated extends EventOrigin {
  readonly bucket: string
  readonly key: string
  readonly versionId?: string
  readonly size: number
  readonly etag: string
  readonly sequencer: string
  readonly reason?: 'PutObject' | 'POST Object' | 'CopyObject' | 'CompleteMultipartUpload'
}

/** The event that S3 sends for a new object version. */
export function objectCreatedEvent(created: ObjectCreated): ObjectCreatedEvent {
  const account = created.account ?? defaultAccount
  return envelope(
    'aws.s3',
    'Object Created',
    {
      version: '0' as const,
      bucket: { name: created.bucket },
      object: {
        key: created.key,
        size: created.size,
        etag: created.etag,
        ...(created.versionId === undefined ? {} : { 'version-id': created.versionId }),
        sequencer: created.sequencer,
      },
      'request-id': randomBytes(8).toString('hex').toUpperCase(),
      requester: account,
      'source-ip-address': '127.0.0.1',
      reason: created.reason ?? 'PutObject',
    },
    [`arn:aws:s3:::${created.bucket}`],
    created,
  )
}

/** Uploads that start a training: never what the platform itself writes. */
export const uploadPattern = {
  source: ['aws.s3'],
  'detail-type': ['Object Created'],
  detail: { object: { key: [{ wildcard: 'uploads/*.npy' }, { wildcard: 'uploads/*.csv' }] } },
} as const satisfies EventPattern

/**
 * A sequencer for what S3 tells none of, which it does in events alone. Those begin with the second of
 * the write, in ten digits, so that this one has its place among them.
 */
export function sequencerOfTime(milliseconds: number): string {
  return Math.floor(milliseconds / 1000)
    .toString(16)
    .toUpperCase()
    .padStart(10, '0')
}

/**
 * Orders two events of one key: negative when `a` is the older one.
 * The shorter sequencer is padded with zeros on the right, as S3 prescribes.
 */
export function compareSequencers(a: string, b: string): number {
  const length = Math.max(a.length, b.length)
  const left = a.toUpperCase().padEnd(length, '0')
  const right = b.toUpperCase().padEnd(length, '0')
  return left < right ? -1 : left > right ? 1 : 0
}

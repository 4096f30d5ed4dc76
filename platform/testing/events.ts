import { createHash } from 'node:crypto'
import {
  executionStatusChangeEvent,
  objectCreatedEvent,
  type ExecutionStatusChangeEvent,
  type ObjectCreatedEvent,
} from '../../events/index.ts'
import type { Objects } from '../ports/index.ts'

/** The event of an upload as S3 sends it, with fields that a test can rely on. */
export function uploadEvent(
  key: string,
  options: { versionId?: string; size?: number; sequencer?: string; bucket?: string } = {},
): ObjectCreatedEvent {
  const { versionId = 'v1', size = 1024, sequencer = '0055AED6DCD90281E5' } = options
  return objectCreatedEvent({
    bucket: options.bucket ?? 'millrace',
    key,
    versionId,
    size,
    etag: createHash('md5').update(`${key} ${versionId}`).digest('hex'),
    sequencer,
    time: Date.UTC(2026, 0, 1),
    id: '17793124-05d4-b198-2fde-7ededc63b103',
  })
}

/** Puts an object and answers the event that the store sends for it. */
export async function putUpload(
  objects: Objects,
  key: string,
  bytes: Uint8Array,
  options: { metadata?: Readonly<Record<string, string>>; sequencer?: string } = {},
): Promise<ObjectCreatedEvent> {
  const { metadata, ...rest } = options
  const version = await objects.put(key, bytes, metadata === undefined ? {} : { metadata })
  const { bucket, versionId, size, sequencer } = version
  return uploadEvent(key, {
    bucket,
    versionId,
    size,
    ...(sequencer === undefined ? {} : { sequencer }),
    ...rest,
  })
}

/** The event of an execution's end as Step Functions sends it. */
export function executionEndedEvent(
  workflow: string,
  name: string,
  status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED',
  options: { input?: unknown; output?: unknown } = {},
): ExecutionStatusChangeEvent {
  const prefix = 'arn:aws:states:us-east-1:000000000000'
  const time = Date.UTC(2026, 0, 1)
  return executionStatusChangeEvent(
    {
      executionArn: `${prefix}:execution:${workflow}:${name}`,
      stateMachineArn: `${prefix}:stateMachine:${workflow}`,
      name,
      status,
      startDate: time,
      stopDate: time + 1000,
      input: JSON.stringify(options.input ?? {}),
      output: options.output === undefined ? null : JSON.stringify(options.output),
      error: null,
      cause: null,
      redriveCount: 0,
    },
    { time: time + 1000, id: '315c1398-40ff-a850-213b-158f73e60175' },
  )
}

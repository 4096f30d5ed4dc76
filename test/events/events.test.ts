import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  compareSequencers,
  executionStatusChangeSchema,
  millraceEvent,
  objectCreatedEvent,
  objectCreatedEventSchema,
} from '../../events/index.ts'

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/events/${name}.json`, import.meta.url), 'utf8'))

describe('events', () => {
  it('reads the S3 event as AWS documents it, also when the bucket keeps no versions', () => {
    for (const name of ['object-created', 'object-created-unversioned']) {
      expect(objectCreatedEventSchema.parse(fixture(name))).toEqual(fixture(name))
    }
  })

  it('makes an S3 event of the same shape as the documented one', () => {
    const made = objectCreatedEvent({
      bucket: 'b',
      key: 'uploads/a b.npy',
      versionId: 'v',
      size: 5,
      etag: 'e',
      sequencer: '00617F08299329D189',
      time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    })
    const documented = fixture('object-created') as typeof made
    expect(Object.keys(made).sort()).toEqual(Object.keys(documented).sort())
    expect(Object.keys(made.detail).sort()).toEqual(Object.keys(documented.detail).sort())
    expect(Object.keys(made.detail.object).sort()).toEqual(
      Object.keys(documented.detail.object).sort(),
    )
    expect(made.time).toBe('2026-01-02T03:04:05Z')
    expect(objectCreatedEventSchema.parse(made)).toEqual(made)
  })

  it('reads the execution status change event as AWS documents it', () => {
    for (const name of ['execution-failed', 'execution-timed-out']) {
      expect(executionStatusChangeSchema.parse(fixture(name))).toEqual(fixture(name))
    }
  })

  it('orders sequencers as S3 prescribes: the shorter one padded on the right', () => {
    expect(compareSequencers('0A', '0B')).toBeLessThan(0)
    expect(compareSequencers('0B', '0A')).toBeGreaterThan(0)
    expect(compareSequencers('0a00', '0A')).toBe(0)
    expect(compareSequencers('0A', '0A01')).toBeLessThan(0)
  })

  it('refuses an event of ours whose detail is not what it says', () => {
    const detail = {
      source: 'upload' as const,
      model: 'a/b',
      version: -1,
      execution: 'e',
      reasons: [],
    }
    expect(() => millraceEvent('Drift Detected', detail)).toThrow('version')
  })
})

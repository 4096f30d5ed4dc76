import { beforeEach, describe, expect, it } from 'vitest'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createFeedback, type FeedbackBook } from '../../tasks/feedback.ts'
import { createPredictionLog, randomShard, type PredictionLog } from '../../tasks/prediction-log.ts'
import {
  modelOfLogKey,
  servedRecord,
  type FeedbackRecord,
  type PredictionContents,
} from '../../tasks/prediction-records.ts'
import { rejection } from '../contracts/expect-error.ts'

const model = { user: 'ada', dataset: 'iris' }
const key = 'predictions/ada/iris/0'

let ports: MemoryPorts
let log: PredictionLog
let feedback: FeedbackBook

beforeEach(() => {
  ports = memoryPorts()
  log = createPredictionLog(ports)
  feedback = createFeedback(ports, log)
})

function contentsOf(rows: number, value: number | string = 1 / 3): PredictionContents {
  return {
    instances: Array.from({ length: rows }, () => [value, 2, null]),
    predictions: Array.from({ length: rows }, (_, i) => (i % 2 === 0 ? 'a' : 'b')),
    probabilities: Array.from({ length: rows }, () => [0.25, 0.75]),
    classes: ['a', 'b'],
  }
}

const recordOf = (contents: PredictionContents) =>
  log.record({ model, version: 3, task: 'classification', key: 'k1', contents })

const logged = async () => {
  const records = (await ports.log.read(key)).map(({ record }) => servedRecord.parse(record))
  return {
    predictions: records.filter((record) => record.kind === 'prediction'),
    feedback: records.filter((record): record is FeedbackRecord => record.kind === 'feedback'),
  }
}

describe('a prediction', () => {
  it('is one record of the log, and is found again by where it stands', async () => {
    await recordOf(contentsOf(1))
    const id = await recordOf(contentsOf(2))
    expect(id).toBe('ada~iris~0~0000000000000002')
    const { record } = await log.find(id)
    expect(record).toEqual({
      kind: 'prediction',
      model: 'ada/iris',
      version: 3,
      task: 'classification',
      at: '2026-01-01T00:00:00.000Z',
      key: 'k1',
      rows: 2,
      contents: contentsOf(2),
      object: null,
    })
    expect(await log.contents(record)).toEqual(contentsOf(2))
    expect((await logged()).predictions).toHaveLength(2)
  })

  it.each([
    ['many rows', contentsOf(10_000)],
    ['long texts', contentsOf(50, '\u0001'.repeat(256))],
    [
      'long names',
      {
        ...contentsOf(20),
        imputed: [{ row: 0, features: Array<string>(60).fill('é'.repeat(9000)) }],
      },
    ],
  ])('of %s is kept in an object that its record refers to', async (_, contents) => {
    const text = JSON.stringify(contents)
    const isLarge = Buffer.byteLength(text) > 390 * 1024
    const { record } = await log.find(await recordOf(contents))
    expect(record.object === null).toBe(!isLarge)
    expect(record.rows).toBe(contents.predictions.length)
    expect(await log.contents(record)).toEqual(contents)
    expect(JSON.stringify(record).length).toBeLessThan(398 * 1024)
  })

  it('says when its object is not what was written', async () => {
    const { record } = await log.find(await recordOf(contentsOf(10_000)))
    const object = { ...record.object!, sha256: '0'.repeat(64) }
    await rejection(log.contents({ ...record, object }), 'StorageFailed')
    const gone = { ...record.object!, versionId: 'none' }
    await rejection(log.contents({ ...record, object: gone }), 'StorageFailed')
  })

  it('goes to the shard of its process, and is found from any', async () => {
    const other = createPredictionLog(ports, { shard: '13' })
    const id = await other.record({
      ...{ model, version: 0, task: 'classification', key: null },
      contents: contentsOf(1),
    })
    expect(id).toMatch(/^ada~iris~13~/)
    expect((await log.find(id)).record.version).toBe(0)
    expect(await ports.log.read('predictions/ada/iris/13')).toHaveLength(1)
    const shards = new Set(Array.from({ length: 200 }, randomShard))
    for (const shard of shards) expect(Number(shard)).toBeLessThan(16)
    expect(shards.size).toBeGreaterThan(1)
  })

  it.each([
    'ada~iris~0~0000000000000009',
    'ada~other~0~0000000000000001',
    'bob~iris~0~0000000000000001',
    'ada~iris~1~0000000000000001',
    'ada~iris~0~1',
    'ada~iris~0~000000000000000x',
    'ada~iris~0',
    'ada~iris~0~0000000000000001~0',
    'ada~ir..is~0~0000000000000001',
    '__proto__~constructor~0~0000000000000001',
    '~~~',
    '',
    'x'.repeat(10_000),
  ])('is not found under %j', async (id) => {
    await recordOf(contentsOf(1))
    const error = await rejection(log.find(id), 'PredictionNotFound')
    expect(error.message.length).toBeLessThan(300)
  })

  it('is no feedback', async () => {
    const id = await recordOf(contentsOf(1))
    await feedback.give(id, [{ row: 0, label: 'b' }])
    await rejection(log.find('ada~iris~0~0000000000000002'), 'PredictionNotFound')
  })

  it('tells whose model a key of the log is of', () => {
    expect(modelOfLogKey(key)).toEqual(model)
    for (const other of ['other/ada/iris/0', 'predictions/ada/iris', 'predictions/a/b/c/d', '']) {
      expect(modelOfLogKey(other)).toBeUndefined()
    }
  })
})

describe('feedback', () => {
  it('goes to the log behind its prediction, and stands beside it', async () => {
    const id = await recordOf(contentsOf(3))
    ports.clock.advance(1000)
    const given = await feedback.give(
      id,
      [
        { row: 0, label: 'b' },
        { row: 2, label: 'a' },
      ],
      { key: 'k2' },
    )
    expect(given).toEqual({ recorded: 2, repeated: 0, kept: [] })
    const at = '2026-01-01T00:00:01.000Z'
    expect(await feedback.of(id)).toEqual([
      { row: 0, label: 'b', at },
      { row: 2, label: 'a', at },
    ])
    expect((await logged()).feedback).toEqual([
      {
        kind: 'feedback',
        ...{ prediction: id, model: 'ada/iris', version: 3, at, key: 'k2' },
        predictedAt: '2026-01-01T00:00:00.000Z',
        labels: [
          { row: 0, label: 'b', predicted: 'a', replaced: null },
          { row: 2, label: 'a', predicted: 'a', replaced: null },
        ],
      },
    ])
  })

  it('that is repeated changes nothing, and another label leaves the first, unless it replaces it', async () => {
    const id = await recordOf(contentsOf(1))
    const label = (text: string, options = {}) =>
      feedback.give(id, [{ row: 0, label: text }], options)
    expect(await label('a')).toMatchObject({ recorded: 1 })
    expect(await label('a')).toEqual({ recorded: 0, repeated: 1, kept: [] })
    expect(await label('b')).toMatchObject({ recorded: 0, kept: [{ row: 0, label: 'a' }] })
    expect((await logged()).feedback).toHaveLength(1)
    expect(await label('b', { replace: true })).toMatchObject({ recorded: 1, kept: [] })
    expect(await label('b', { replace: true })).toMatchObject({ recorded: 0, repeated: 1 })
    expect(await feedback.of(id)).toMatchObject([{ label: 'b' }])
    expect((await logged()).feedback.map(({ labels }) => labels)).toMatchObject([
      [{ label: 'a', replaced: null }],
      [{ label: 'b', replaced: 'a' }],
    ])
  })

  it('of ten thousand rows is taken whole', async () => {
    const id = await recordOf(contentsOf(10_000))
    const labels = Array.from({ length: 10_000 }, (_, row) => ({ row, label: `label ${row}` }))
    expect(await feedback.give(id, labels)).toMatchObject({ recorded: 10_000 })
    expect(await feedback.give(id, labels)).toMatchObject({ recorded: 0, repeated: 10_000 })
    expect((await feedback.of(id)).map(({ row, label }) => ({ row, label }))).toEqual(labels)
    const appended = (await logged()).feedback.flatMap((record) => record.labels)
    expect(appended.map(({ row }) => row)).toEqual(labels.map(({ row }) => row))
  })

  it('with the longest labels fits the items and the records', async () => {
    const id = await recordOf(contentsOf(300))
    const labels = (text: string) =>
      Array.from({ length: 300 }, (_, row) => ({ row, label: text.repeat(256) }))
    expect(await feedback.give(id, labels('\u0001'))).toMatchObject({ recorded: 300 })
    const replaced = await feedback.give(id, labels('\u0002'), { replace: true })
    expect(replaced).toMatchObject({ recorded: 300 })
  })

  it('of one row comes to the log once, however many give it at once', async () => {
    const id = await recordOf(contentsOf(1))
    const given = await Promise.allSettled(
      Array.from({ length: 8 }, () => feedback.give(id, [{ row: 0, label: 'a' }])),
    )
    const errors = given.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
    expect(errors.every(({ name }) => name === 'RequestInProgress')).toBe(true)
    expect(errors.length).toBeLessThan(8)
    expect((await logged()).feedback).toHaveLength(1)
    expect(await feedback.give(id, [{ row: 0, label: 'a' }])).toMatchObject({ repeated: 1 })
  })

  it('of different rows at once is all taken', async () => {
    const id = await recordOf(contentsOf(50))
    await Promise.all(
      Array.from({ length: 50 }, (_, row) => feedback.give(id, [{ row, label: 'a' }])),
    )
    expect(await feedback.of(id)).toHaveLength(50)
    expect((await logged()).feedback).toHaveLength(50)
    expect(await feedback.give(id, [{ row: 7, label: 'a' }])).toMatchObject({ repeated: 1 })
  })

  it('that did not come to the log is sent there by a repetition, after a while', async () => {
    const id = await recordOf(contentsOf(1))
    const append = ports.log.append.bind(ports.log)
    ports.log.append = () => Promise.reject(new Error('the process died'))
    await expect(feedback.give(id, [{ row: 0, label: 'a' }])).rejects.toThrow('died')
    ports.log.append = append
    await rejection(feedback.give(id, [{ row: 0, label: 'a' }]), 'RequestInProgress')
    ports.clock.advance(10_000)
    expect(await feedback.give(id, [{ row: 0, label: 'a' }])).toMatchObject({ recorded: 1 })
    expect((await logged()).feedback).toHaveLength(1)
    expect(await feedback.give(id, [{ row: 0, label: 'a' }])).toMatchObject({ repeated: 1 })
  })

  it.each([
    ['a row that is not there', [{ row: 3, label: 'a' }], 'no row 3'],
    ['a label of another type', [{ row: 0, label: 1 }], 'number'],
    [
      'a row twice',
      [
        { row: 1, label: 'a' },
        { row: 1, label: 'b' },
      ],
      'twice',
    ],
  ])('refuses %s, and takes nothing', async (_, labels, told) => {
    const id = await recordOf(contentsOf(3))
    const error = await rejection(feedback.give(id, labels), 'RequestInvalid')
    expect(error.message).toContain(told)
    expect(await feedback.of(id)).toEqual([])
    expect((await logged()).feedback).toEqual([])
  })

  it('is refused to what was not predicted', async () => {
    const none = 'ada~iris~0~0000000000000001'
    await rejection(feedback.give(none, [{ row: 0, label: 'a' }]), 'PredictionNotFound')
  })
})

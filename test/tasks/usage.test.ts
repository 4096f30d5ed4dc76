import { beforeEach, describe, expect, it } from 'vitest'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { countServed, countTraining, monthOf, storedBytes, usageOf } from '../../tasks/usage.ts'

const key = 'predictions/ada/iris/0'
const january = Date.UTC(2026, 0, 31, 23, 59, 59)

let ports: MemoryPorts

const prediction = (rows: number, at = january) => ({
  kind: 'prediction',
  model: 'ada/iris',
  version: 0,
  task: 'classification',
  at: new Date(at).toISOString(),
  key: null,
  rows,
  contents: { instances: [], predictions: [], probabilities: null, classes: null },
  object: null,
})

const feedback = {
  kind: 'feedback',
  prediction: 'ada~iris~0~0000000000000001',
  model: 'ada/iris',
  version: 0,
  at: new Date(january).toISOString(),
  key: null,
  labels: [
    { row: 0, label: 1, predicted: 1, replaced: null },
    { row: 1, label: 0, predicted: 1, replaced: null },
  ],
}

beforeEach(() => {
  ports = memoryPorts({ now: january })
})

describe('what was served', () => {
  beforeEach(() => ports.log.append(key, [prediction(3), feedback, prediction(4)]))

  it('is counted once, in whatever batches it comes and however often', async () => {
    const records = await ports.log.read(key)
    await countServed(ports.table, records.slice(0, 2))
    await countServed(ports.table, records)
    await countServed(ports.table, records.slice(1))
    expect(await usageOf(ports.table, 'ada', '2026-01')).toMatchObject({
      predictions: 7,
      predictionRequests: 2,
      feedback: 2,
    })
  })

  it('is counted once by consumers side by side', async () => {
    const records = await ports.log.read(key)
    await Promise.all([1, 2, 3].map(() => countServed(ports.table, records)))
    expect((await usageOf(ports.table, 'ada', '2026-01')).predictions).toBe(7)
  })

  it('counts for the month that it was served in, and for its own user', async () => {
    await ports.log.append(key, [prediction(5, january + 1000)])
    await ports.log.append('predictions/ben/iris/0', [{ ...prediction(9), model: 'ben/iris' }])
    const all = [
      ...(await ports.log.read(key)),
      ...(await ports.log.read('predictions/ben/iris/0')),
    ]
    await countServed(ports.table, all)
    expect((await usageOf(ports.table, 'ada', '2026-01')).predictions).toBe(7)
    expect((await usageOf(ports.table, 'ada', '2026-02')).predictions).toBe(5)
    expect((await usageOf(ports.table, 'ben', '2026-01')).predictions).toBe(9)
  })

  it('is not held up by records of another kind', async () => {
    await ports.log.append(key, [{ kind: 'note' }])
    await countServed(ports.table, await ports.log.read(key))
    expect((await usageOf(ports.table, 'ada', '2026-01')).predictions).toBe(7)
  })
})

it('a training is counted once, however often its task runs', async () => {
  for (const training of ['a', 'a', 'b']) {
    await countTraining(ports.table, january, 'ada', { training, rows: 150 })
  }
  expect(await usageOf(ports.table, 'ada', monthOf(january))).toMatchObject({
    trainings: 2,
    trainedRows: 300,
  })
})

it('trainings side by side never have more than the rows of the month', async () => {
  const names = Array.from({ length: 12 }, (_, i) => `training-${i}`)
  const count = (training: string) =>
    countTraining(ports.table, january, 'ada', { training, rows: 30, most: 100 })
  const counted = await Promise.all(names.map(count))
  expect(counted.filter(Boolean)).toHaveLength(3)
  expect(await usageOf(ports.table, 'ada', '2026-01')).toMatchObject({
    trainings: 3,
    trainedRows: 90,
  })
  expect(await Promise.all(names.map(count))).toEqual(counted)
})

it('bytes are those of the user alone', async () => {
  await ports.objects.put('uploads/ada/x.csv', new Uint8Array(10))
  await ports.objects.put('datasets/ada/x/1.csv', new Uint8Array(5))
  await ports.objects.put('uploads/adam/x.csv', new Uint8Array(100))
  expect(await storedBytes(ports.objects, 'ada')).toBe(15)
})

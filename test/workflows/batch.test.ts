import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { batch } from '../../platform/local/batch.ts'
import {
  memoryPorts,
  runWorkflow,
  type MemoryPorts,
  type MockedTask,
} from '../../platform/testing/index.ts'
import { placeholdersOf } from '../../workflows/workflow.ts'

const reference = { bucket: 'millrace', key: 'k', versionId: 'v', sha256: 's', size: 1 }
const named = { model: { user: 'ada', dataset: 'iris' }, batch: 'test', plan: reference }
const ranges = [0, 1, 2].map((i) => ({ index: i, from: i * 10, to: i * 10 + 10, start: 0, end: 0 }))
const planned = {
  outcome: 'planned',
  batch: named,
  rows: 30,
  ranges: 3,
  items: { bucket: 'millrace', key: 'batches/ada/iris/test/ranges/0.json' },
  results: { bucket: 'millrace', prefix: 'batches/ada/iris/test/map-runs' },
  concurrency: 2,
  toleratedFailures: 0,
  isColumnwise: false,
}
const joined = { outcome: 'predicted', rows: 30 }
const torn = Object.assign(new Error('torn'), { name: 'StorageFailed' })
const input = { model: 'ada/iris' }

let ports: MemoryPorts

beforeEach(async () => {
  ports = memoryPorts()
  await ports.objects.put(planned.items.key, Buffer.from(JSON.stringify(ranges)))
})

const run = (mocks: Readonly<Record<string, MockedTask>>, given: object = input) =>
  runWorkflow(batch, { input: given, mocks, ports })

describe('the batch workflow', () => {
  it('plans, predicts each range of the list in the bucket, and joins', async () => {
    const PredictRange = { index: 0, rows: 10, failed: 0 }
    const ended = await run({ PlanBatch: planned, PredictRange, JoinBatch: joined })
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: joined })
    expect(ended.calls['PlanBatch']).toEqual([{ request: input, execution: 'test' }])
    expect(ended.calls['PredictRange']).toEqual(ranges.map((range) => ({ batch: named, range })))
    expect(ended.calls['JoinBatch']).toEqual([{ batch: named, toleratedFailures: 0 }])
    expect(ended.calls['RewriteRows']).toEqual([])
  })

  it('ends as rejected, without predicting', async () => {
    const rejected = { outcome: 'rejected', reasons: [{ code: 'ColumnMissing', message: 'm' }] }
    const ended = await run({ PlanBatch: rejected })
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: rejected })
    expect(ended.states).toEqual(['Begin', 'Plan', 'IsPlanned', 'BatchRejected'])
  })

  it('reads no list where nothing is left to predict', async () => {
    const PlanBatch = { ...planned, ranges: 0, isColumnwise: true }
    const ended = await run({ PlanBatch, JoinBatch: joined })
    expect(ended.status).toBe('SUCCEEDED')
    expect(ended.states).not.toContain('Predict')
  })

  it('has rows in Fortran order rewritten first, and predicts what was rewritten', async () => {
    const ended = await run({
      PlanBatch: { ...planned, isColumnwise: true },
      RewriteRows: { batch: { ...named, rows: reference }, isColumnwise: false },
      PredictRange: { index: 0, rows: 10, failed: 0 },
      JoinBatch: joined,
    })
    expect(ended.status).toBe('SUCCEEDED')
    expect(ended.calls['RewriteRows']).toEqual([{ batch: named }])
    const batches = ended.calls['PredictRange']!.map((call) => (call as { batch: object }).batch)
    expect(batches).toEqual(Array(3).fill({ ...named, rows: reference }))
  })

  it('tries a range again, and joins without it what may fail', async () => {
    let calls = 0
    const PredictRange: MockedTask = (call) => {
      if ((call as { range: { index: number } }).range.index !== 1) return { rows: 10 }
      calls++
      throw torn
    }
    const PlanBatch = { ...planned, toleratedFailures: 1 }
    const ended = await run({ PlanBatch, PredictRange, JoinBatch: joined })
    expect(ended).toMatchObject({ status: 'SUCCEEDED', output: joined })
    expect(calls).toBe(4)
    expect(ended.calls['JoinBatch']).toEqual([{ batch: named, toleratedFailures: 1 }])
  })

  it('asks Join also where too many failed, and fails with what it says', async () => {
    const ended = await run({
      PlanBatch: planned,
      PredictRange: () => {
        throw torn
      },
      JoinBatch: { outcome: 'failed', ranges: 3, cause: 'rows 0 to 9: StorageFailed: torn' },
    })
    expect(ended).toMatchObject({
      status: 'FAILED',
      error: 'TooManyRangesFailed',
      cause: 'rows 0 to 9: StorageFailed: torn',
    })
    expect(ended.calls['JoinBatch']).toHaveLength(1)
  })

  it('predicts damaged shards anew, three times at most', async () => {
    const incomplete = { outcome: 'incomplete', damaged: 1, cause: 'damaged' }
    const answers = [incomplete, joined]
    const PredictRange = { index: 0, rows: 10, failed: 0 }
    const mended = await run({
      PlanBatch: planned,
      PredictRange,
      JoinBatch: () => answers.shift()!,
    })
    expect(mended).toMatchObject({ status: 'SUCCEEDED', output: joined })
    expect(mended.calls['PlanBatch']).toEqual(Array(2).fill({ request: input, execution: 'test' }))
    const given = await run({ PlanBatch: planned, PredictRange, JoinBatch: incomplete })
    expect(given).toMatchObject({
      status: 'FAILED',
      error: 'TooManyRangesFailed',
      cause: 'damaged',
    })
    expect(given.calls['PlanBatch']).toHaveLength(4)
  })

  it('fails at once for an input that names no model', async () => {
    const ended = await run({}, { model: '../x' })
    expect(ended).toMatchObject({ status: 'FAILED', error: 'TaskInputInvalid' })
    expect(ended.calls['PlanBatch']).toHaveLength(1)
  })
})

describe('its definition', () => {
  it('gives every task a timeout and retries', () => {
    const states: object[] = []
    const visit = (value: unknown): void => {
      if (value === null || typeof value !== 'object') return
      if ('Type' in value && value.Type === 'Task') states.push(value)
      Object.values(value).forEach(visit)
    }
    visit(batch.definition)
    expect(states).toHaveLength(4)
    for (const state of states) {
      expect(state).toMatchObject({
        Resource: 'arn:aws:states:::lambda:invoke',
        TimeoutSeconds: expect.any(Number) as number,
        Retry: expect.any(Array) as unknown[],
      })
    }
    expect([...placeholdersOf(batch.definition)].sort()).toEqual(
      batch.tasks.map(({ name }) => name).sort(),
    )
  })

  it('lets two attempts of a range that hang end within an Express execution', () => {
    const { Predict } = batch.definition['States'] as {
      Predict: { ItemProcessor: { States: { PredictRange: { TimeoutSeconds: number } } } }
    }
    const { TimeoutSeconds } = Predict.ItemProcessor.States.PredictRange
    expect(2 * TimeoutSeconds).toBeLessThan(5 * 60)
  })

  it('is what asl-validator accepts', async () => {
    const validate = (await import('asl-validator')).default
    const path = new URL('../../workflows/batch.asl.json', import.meta.url)
    const verdict = validate(JSON.parse(readFileSync(path, 'utf8')) as object)
    expect(verdict.errorsText()).toBe('')
    expect(verdict.isValid).toBe(true)
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { batch } from '../../platform/local/batch.ts'
import { runWorkflow } from '../../platform/testing/index.ts'
import { placeholdersOf } from '../../workflows/workflow.ts'

const plan = { bucket: 'b', key: 'k', versionId: 'v', sha256: 's', size: 1 }
const planned = {
  outcome: 'planned',
  batch: { model: { user: 'ada', dataset: 'iris' }, batch: 'test', plan },
  rows: 30,
  ranges: [0, 1, 2].map((i) => ({ index: i, from: i * 10, to: i * 10 + 10, start: 0, end: 0 })),
}
const joined = { outcome: 'predicted', rows: 30 }
const input = { model: 'ada/iris' }

describe('the batch workflow', () => {
  it('plans, predicts each range, and joins', async () => {
    const mocks = {
      PlanBatch: planned,
      PredictRange: { index: 0, rows: 10, failed: 0 },
      JoinBatch: joined,
    }
    const run = await runWorkflow(batch, { input, mocks })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: joined })
    expect(run.calls['PlanBatch']).toEqual([{ request: input, execution: 'test' }])
    expect(run.calls['PredictRange']).toEqual(
      planned.ranges.map((range) => ({ batch: planned.batch, range })),
    )
    expect(run.calls['JoinBatch']).toEqual([{ batch: planned.batch }])
  })

  it('ends as rejected, without predicting', async () => {
    const rejected = { outcome: 'rejected', reasons: [{ code: 'ColumnMissing', message: 'm' }] }
    const run = await runWorkflow(batch, { input, mocks: { PlanBatch: rejected } })
    expect(run).toMatchObject({ status: 'SUCCEEDED', output: rejected })
    expect(run.states).toEqual(['Plan', 'IsPlanned', 'BatchRejected'])
  })

  it('tries a range again, and fails with its error when that is in vain', async () => {
    let calls = 0
    const torn = Object.assign(new Error('torn'), { name: 'StorageFailed' })
    const mocks = {
      PlanBatch: { ...planned, ranges: planned.ranges.slice(0, 1) },
      PredictRange: () => {
        calls++
        throw torn
      },
    }
    const run = await runWorkflow(batch, { input, mocks })
    expect(run).toMatchObject({ status: 'FAILED', error: 'StorageFailed' })
    expect(calls).toBe(4)
  })

  it('fails at once for an input that names no model', async () => {
    const run = await runWorkflow(batch, { input: { model: '../x' } })
    expect(run).toMatchObject({ status: 'FAILED', error: 'TaskInputInvalid' })
    expect(run.calls['PlanBatch']).toHaveLength(1)
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
    expect(states).toHaveLength(3)
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

  it('is what asl-validator accepts', async () => {
    const validate = (await import('asl-validator')).default
    const path = new URL('../../workflows/batch.asl.json', import.meta.url)
    const verdict = validate(JSON.parse(readFileSync(path, 'utf8')) as object)
    expect(verdict.errorsText()).toBe('')
    expect(verdict.isValid).toBe(true)
  })
})

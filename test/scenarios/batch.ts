import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseNpy, seededRandom } from '../../ml/data/index.ts'
import type { Execution, ExecutionEvent } from '../../platform/ports/index.ts'
import { irisNpy, npyOf } from '../fixtures/iris.ts'
import type { ScenarioPlatform } from './platform.ts'

const rows = 10_000
const rangeRows = 1000
const broken = { from: 3000, to: 4000 }

/** A file that is predicted range by range, one of which fails at first. */
export function batchScenarios(name: string, open: () => Promise<ScenarioPlatform>): void {
  describe(`a batch: ${name}`, () => {
    let platform: ScenarioPlatform
    const model = `batch-${randomUUID().slice(0, 8)}/iris`
    const batch = `batch-${randomUUID()}`
    const instances = flowers()
    beforeAll(async () => {
      platform = await open()
      const configuration = JSON.stringify({ algorithms: ['logistic-regression'], trials: 1 })
      await platform.put(`uploads/${model}.npy`, irisNpy(), { configuration })
      const champion = `/models/${model}/aliases/champion`
      await untilTrue(async () => (await platform.fetch(champion)).ok)
    }, 600_000)
    afterAll(() => platform?.close())

    // Where the shard of that range would go: no object can be written below another one's key.
    const foreign = `batches/${model}/${batch}/shards/000003.npy/someone-elses`

    it('fails by a range that fails, lists it, and keeps the others', async () => {
      const key = `inputs/${model}/flowers.npy`
      await platform.put(key, npyOf(instances))
      await platform.put(foreign, new Uint8Array(1))
      const file = { key }
      await platform.executions.start({
        workflow: 'batch',
        name: batch,
        input: { model, file, format: 'npy', rangeRows, concurrency: 4 },
      })
      expect(await ended(batch)).toMatchObject({
        status: 'FAILED',
        error: 'TooManyRangesFailed',
        cause: expect.stringContaining('rows 3000 to 3999: ObjectKeyInvalid') as unknown,
      })
      expect(await described()).toMatchObject({
        status: 'FAILED',
        rows,
        ranges: 10,
        rangesDone: 9,
        rowsDone: 9000,
        failedRanges: [{ ...broken, error: 'ObjectKeyInvalid' }],
        results: null,
      })
    }, 600_000)

    it('goes on with that range alone', async () => {
      await platform.remove(foreign)
      const resumed = await platform.fetch(`/models/${model}/batches/${batch}/resume`, {
        method: 'POST',
      })
      expect(resumed.status).toBe(202)
      const { execution } = (await resumed.json()) as { execution: string }
      expect(await ended(execution)).toMatchObject({ status: 'SUCCEEDED' })
      const planned = await outputOf(execution, 'Plan')
      expect(planned).toMatchObject({ outcome: 'planned', rows, ranges: 1 })
      expect(await described()).toMatchObject({
        status: 'SUCCEEDED',
        rangesDone: 10,
        rowsDone: rows,
        rowsFailed: 0,
        failedRanges: [],
      })
    }, 600_000)

    it('comes to what the API answers for the same rows', async () => {
      const results = await platform.fetch(`/models/${model}/batches/${batch}/results`)
      expect(results.status).toBe(200)
      const { data } = parseNpy(new Uint8Array(await results.arrayBuffer()))
      const answer = await platform.fetch(`/models/${model}/predictions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ instances }),
      })
      const { predictions } = (await answer.json()) as { predictions: number[] }
      expect(new Set(predictions).size).toBe(3)
      expect([...(data as Float64Array)]).toEqual(predictions)
    }, 600_000)

    async function ended(execution: string): Promise<Execution> {
      const found = () => platform.executions.describe('batch', execution)
      await untilTrue(async () => (await found()).status !== 'RUNNING')
      return found()
    }

    async function described(): Promise<unknown> {
      return (await platform.fetch(`/models/${model}/batches/${batch}`)).json()
    }

    /** What a state came to. */
    async function outputOf(execution: string, state: string): Promise<unknown> {
      const isIts = ({ type, details }: ExecutionEvent) =>
        type === 'TaskStateExited' && details['name'] === state
      const events = await platform.executions.history('batch', execution)
      return JSON.parse(events.find(isIts)!.details['output'] as string) as unknown
    }
  })
}

/** Rows like those of Iris, without a target. */
function flowers(): number[][] {
  const random = seededRandom(11)
  const [low, high] = [
    [4.3, 2, 1, 0.1],
    [7.9, 4.4, 6.9, 2.5],
  ] as const
  return Array.from({ length: rows }, () =>
    low.map((least, i) => least + random() * (high[i]! - least)),
  )
}

/** Throws after four minutes. */
async function untilTrue(holds: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 240_000
  while (!(await holds())) {
    if (Date.now() > until) throw new Error('nothing of the kind happened in four minutes')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ended } from './history.ts'
import type { ScenarioPlatform } from './platform.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

const columns = [
  { name: 'width', type: 'number' },
  { name: 'colour', type: 'text' },
  { name: 'kind', type: 'text' },
]

/** Kinds follow from the width, whatever the colour. */
const rows = Array.from({ length: 200 }, (_, i) => ({
  width: i / 50,
  colour: i % 3 === 0 ? 'red' : 'green',
  kind: i < 100 ? 'narrow' : 'wide',
}))

/** What a stranger does by HTTP alone, from the first row to the true label, on any platform. */
export function httpApiScenarios(name: string, open: () => Promise<ScenarioPlatform>): void {
  describe(`the HTTP API: ${name}`, () => {
    let platform: ScenarioPlatform
    const user = `api-${randomUUID().slice(0, 8)}`
    beforeAll(async () => {
      platform = await open()
    }, 600_000)
    afterAll(() => platform?.close())

    async function ask(
      method: string,
      path: string,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Answer> {
      const response = await platform.fetch(path, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
      }
    }

    it('rows become a dataset, a model, predictions, and labels of them', async () => {
      const dataset = `/datasets/${user}/parts`
      const model = `/models/${user}/parts`
      expect((await ask('PUT', dataset, { columns, target: 'kind' })).status).toBe(201)
      const appended = await ask('POST', `${dataset}/rows`, rows)
      expect([appended.status, appended.body['version']]).toEqual([201, 1])

      const request = { algorithms: ['decision-tree'], trials: 1 }
      const accepted = await ask('PUT', model, request)
      expect(accepted.status).toBe(202)
      expect((await ask('PUT', model, request)).body).toEqual(accepted.body)
      const execution = accepted.body['execution'] as string
      await expect
        .poll(async () => (await ask('GET', `/executions/${execution}`)).status, {
          timeout: 120_000,
          interval: 200,
        })
        .toBe(200)
      expect(await ended(platform.executions, execution)).toMatchObject({
        status: 'SUCCEEDED',
        output: { outcome: 'registered', model: `${user}/parts`, version: 0 },
      })

      const asked = {
        instances: [
          { colour: 'red', width: 0.3 },
          { width: 3.7, colour: 'green' },
        ],
      }
      const predicted = await ask('POST', `${model}/predictions`, asked)
      expect(predicted.body).toMatchObject({ version: 0, predictions: ['narrow', 'wide'] })
      const id = predicted.body['id'] as string
      const labelled = await ask('POST', `/predictions/${encodeURIComponent(id)}/feedback`, {
        labels: ['narrow', 'narrow'],
      })
      expect(labelled.status).toBe(200)
      const record = await ask('GET', `/predictions/${encodeURIComponent(id)}`)
      expect(record.status).toBe(200)
      expect(JSON.stringify(record.body)).toContain(`datasets/${user}/parts/1.csv`)
      expect(JSON.stringify(record.body)).toContain(execution)

      await expect
        .poll(async () => (await ask('GET', `/usage?user=${user}`)).body['usage'] ?? {}, {
          timeout: 120_000,
          interval: 500,
        })
        .toMatchObject({ predictions: 2, predictionRequests: 1, feedback: 2, trainings: 1 })
    }, 480_000)

    it('a version takes the champion’s place by its name, and the model is removed', async () => {
      const model = `/models/${user}/parts`
      const alias = await ask('GET', `${model}/aliases/champion`)
      const etag = alias.headers.get('etag') ?? ''
      const headers = { 'if-match': etag }
      expect((await ask('PUT', `${model}/aliases/champion`, { version: 0 }, headers)).status).toBe(
        200,
      )
      expect((await ask('PUT', `${model}/aliases/champion`, { version: 0 }, headers)).status).toBe(
        412,
      )
      const removed = await platform.fetch(model, { method: 'DELETE' })
      expect(removed.status).toBe(204)
      expect((await ask('GET', model)).status).toBe(410)
    }, 480_000)
  })
}

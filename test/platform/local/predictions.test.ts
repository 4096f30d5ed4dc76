import { expect, it } from 'vitest'
import { maxBodyBytes } from '../../../api/requests.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import { endedExecutions, irisKey, runPlatform, temporaryDirectory } from './running.ts'

const json = { 'content-type': 'application/json' }
const asked = '/models/ada/iris/predictions'
const rows = JSON.stringify({ instances: [[6.5, 2.8, 4.6, 1.5]] })

it('finds a prediction and its feedback again, also after a restart', async () => {
  const dataDir = await temporaryDirectory()
  const first = await runPlatform({ dataDir })
  const metadata = { configuration: JSON.stringify({ algorithms: ['majority'] }) }
  await first.ports.objects.put(irisKey, irisNpy(), { metadata })
  await endedExecutions(first)
  const post = async (path: string, body: string, headers = {}) => {
    const init = { method: 'POST', headers: { ...json, ...headers }, body }
    const response = await fetch(`${first.url}${path}`, init)
    return { response, body: (await response.json()) as { id: string } }
  }
  const made = await Promise.all(Array.from({ length: 50 }, () => post(asked, rows)))
  const ids = made.map(({ body }) => body.id)
  expect(new Set(ids).size).toBe(50)
  expect(made[0]!.response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  const given = await post(`/predictions/${ids[7]!}/feedback`, '{"label":1}')
  expect(given.body).toMatchObject({ recorded: 1 })

  const key = { 'idempotency-key': 'once' }
  const once = [await post(asked, rows, key), await post(asked, rows, key)]
  expect(once[1]!.body.id).toBe(once[0]!.body.id)
  const large = await post(asked, ' '.repeat(maxBodyBytes + 1)).catch(() => undefined)
  expect(large === undefined || large.response.status === 413).toBe(true)
  expect((await post(asked, rows)).response.status).toBe(200)
  await first.close()

  const second = await runPlatform({ dataDir })
  const found = await fetch(`${second.url}/predictions/${ids[7]!}`)
  expect(await found.json()).toMatchObject({
    id: ids[7],
    instances: [[6.5, 2.8, 4.6, 1.5]],
    feedback: [{ row: 0, label: 1 }],
    lineage: { source: { key: irisKey } },
  })
})

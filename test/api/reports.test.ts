import { beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import type { MemoryPorts } from '../../platform/testing/index.ts'
import { memoryPorts } from '../../platform/testing/index.ts'
import type { Caller } from '../../tasks/caller.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'owner', keyId: 'k1' }
const path = '/models/ada/iris'

let ports: MemoryPorts
let ask: ReturnType<typeof asker>

beforeAll(async () => {
  ports = memoryPorts()
  const key = 'uploads/ada/iris.npy'
  const majority = { algorithms: ['majority'] }
  await train(ports, key, irisNpy(), { configuration: majority, reports: true })
  await train(ports, key, irisNpy(), { configuration: { ...majority, trials: 1 } })
  ask = asker(createApi(ports), ada)
})

describe('the reports of a version', () => {
  it.each(['dataset', 'evaluation'])(
    'are pages that may load and run nothing: %s',
    async (kind) => {
      const { status, text, headers } = await ask('GET', `${path}/versions/0/reports/${kind}`)
      expect(status).toBe(200)
      expect(text).toMatch(new RegExp(`^<!doctype html>[^]*${kind} of ada/iris, version 0`, 'i'))
      expectSafe(headers)
    },
  )

  it('are not there of a version whose training could not write them', async () => {
    const { status, body } = await ask('GET', `${path}/versions/1/reports/dataset`)
    expect([status, body['type']]).toEqual([404, 'urn:millrace:error:ObjectNotFound'])
  })

  it.each([
    [`${path}/versions/9/reports/dataset`, 404],
    [`${path}/versions/0/reports/secrets`, 400],
    [`${path}/versions/x/reports/dataset`, 400],
    ['/models/ada/nothing/versions/0/reports/dataset', 404],
    ['/models/bob/iris/versions/0/reports/dataset', 404],
    ['/models/bob/iris/drift/report', 404],
    [`${path}/drift/report?version=9`, 404],
    [`${path}/drift/report?version=x`, 400],
  ])('of %s is %i', async (asked, status) => {
    expect((await ask('GET', asked)).status).toBe(status)
  })
})

describe('the report of drift', () => {
  it('is made when it is asked for, of the champion or another version', async () => {
    const { status, text, headers } = await ask('GET', `${path}/drift/report`)
    expect([status, text.includes('Drift of ada/iris, version 1')]).toEqual([200, true])
    expectSafe(headers)
    const other = await ask('GET', `${path}/drift/report?version=0`)
    expect(other.text).toContain('Drift of ada/iris, version 0')
  })
})

describe('reports of a model that was deleted', () => {
  it('are gone', async () => {
    await removeModel(ports, { user: 'ada', dataset: 'iris' })
    for (const asked of [`${path}/versions/0/reports/dataset`, `${path}/drift/report`]) {
      expect((await ask('GET', asked)).status).toBe(410)
    }
  })
})

function expectSafe(headers: Headers): void {
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
  )
  expect(headers.get('x-content-type-options')).toBe('nosniff')
}

import { beforeEach, describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Caller } from '../../tasks/caller.ts'
import { createRetrainingDecisions } from '../../tasks/retraining-decisions.ts'
import { removeModel } from '../../tasks/model-removal.ts'
import { drifting, trainChampion } from '../fixtures/drifting.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'owner', keyId: 'k1' }
const path = '/models/ada/parts/drift/policy'
const seen = (revision: number) => ({ 'if-match': `"${revision}"` })

let ports: MemoryPorts
let ask: ReturnType<typeof asker>

beforeEach(async () => {
  ports = memoryPorts()
  await trainChampion(ports, { configuration: { algorithms: ['majority'] } })
  ask = asker(createApi(ports), ada)
})

describe('the policy of a model', () => {
  it('is the default until it is set, whole, as it was seen', async () => {
    const first = await ask('GET', path)
    expect(first.headers.get('etag')).toBe('"0"')
    expect(first.body).toMatchObject({
      model: 'ada/parts',
      revision: 0,
      policy: { paused: false, minLabelledRows: 200, coolDownSeconds: 3600, runsPerDay: 4 },
    })
    const set = await ask('PUT', path, { body: { runsPerDay: 1 }, headers: seen(0) })
    expect([set.status, set.headers.get('etag')]).toEqual([200, '"1"'])
    const next = await ask('PUT', path, { body: { paused: true }, headers: seen(1) })
    expect(next.body).toMatchObject({ revision: 2, policy: { paused: true, runsPerDay: 4 } })
    expect((await ask('GET', path)).body).toEqual(next.body)
  })

  it('is not set over what somebody else has set', async () => {
    await ask('PUT', path, { body: { paused: true }, headers: seen(0) })
    for (const revision of [0, 2]) {
      const late = await ask('PUT', path, { body: {}, headers: seen(revision) })
      expect([late.status, late.body['type']]).toEqual([412, 'urn:millrace:error:PolicyChanged'])
    }
    expect((await ask('GET', path)).body).toMatchObject({ policy: { paused: true }, revision: 1 })
  })

  it.each([
    [{ runsPerDay: -1 }, seen(0)],
    [{ runsPerDay: 1e9 }, seen(0)],
    [{ minLabelledRows: 1.5 }, seen(0)],
    [{ watchRows: 1 }, seen(0)],
    [{ pollSeconds: 0 }, seen(0)],
    [{ pause: true }, seen(0)],
    ['{"__proto__": {"paused": true}}', seen(0)],
    [[], seen(0)],
    [{ paused: true }, {}],
    [{ paused: true }, { 'if-match': '*' }],
    [{ paused: true }, { 'if-match': '"-1"' }],
  ])('refuses %j', async (body, headers) => {
    expect((await ask('PUT', path, { body, headers })).status).toBe(400)
    expect((await ask('GET', path)).body).toMatchObject({ revision: 0 })
  })

  it('takes who may train', async () => {
    const reader = asker(createApi(ports), { ...ada, role: 'reader' })
    expect((await reader('GET', path)).status).toBe(200)
    expect((await reader('PUT', path, { body: {}, headers: seen(0) })).status).toBe(403)
    const bob = asker(createApi(ports), { ...ada, user: 'bob' })
    expect((await bob('GET', path)).status).toBe(404)
  })

  it('is of a model that is there, and goes with it', async () => {
    expect((await ask('GET', '/models/ada/none/drift/policy')).status).toBe(404)
    await ask('PUT', path, { body: { paused: true }, headers: seen(0) })
    await removeModel(ports, drifting)
    expect((await ask('GET', path)).status).toBe(410)
    await trainChampion(ports, { configuration: { algorithms: ['majority'] } })
    expect((await ask('GET', path)).body).toMatchObject({ revision: 0, policy: { paused: false } })
  })
})

describe('the decisions of retrainings', () => {
  it('come in pages, the newest first, each once', async () => {
    const decisions = createRetrainingDecisions(ports.table, ports.clock)
    for (const execution of ['a', 'b', 'b', 'c']) {
      ports.clock.advance(1000)
      await decisions.record(drifting, {
        execution,
        detection: 'd',
        step: 'claimed',
        outcome: 'refused',
        reason: 'retraining is paused',
        numbers: { runs: 1 },
      })
    }
    const at = '/models/ada/parts/drift/decisions'
    const first = await ask('GET', `${at}?limit=2`)
    expect(first.body['decisions']).toMatchObject([{ execution: 'c' }, { execution: 'b' }])
    const next = await ask('GET', `${at}?limit=2&cursor=${String(first.body['cursor'])}`)
    expect(next.body).toMatchObject({ decisions: [{ execution: 'a', numbers: { runs: 1 } }] })
    expect((await ask('GET', `${at}?cursor=nonsense`)).status).toBe(400)
  })
})

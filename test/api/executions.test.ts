import { beforeEach, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import type { Ports } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Caller } from '../../tasks/caller.ts'
import { listExecution } from '../../tasks/execution-owner.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'
import { asker } from './ask.ts'

const ada: Caller = { user: 'ada', role: 'trainer', keyId: 'k1' }
const ben: Caller = { user: 'ben', role: 'owner', keyId: 'k2' }

let ports: MemoryPorts
let api: Api

const inputOf = (user: string) => ({ detail: { object: { key: `uploads/${user}/iris.npy` } } })

function execution(user: string, name: string, status: 'RUNNING' | 'SUCCEEDED' = 'SUCCEEDED') {
  ports.executions.set({ workflow: 'training', name, status, input: inputOf(user) })
  return listExecution(ports.table, ports.clock, user, { workflow: 'training', name })
}

beforeEach(() => {
  ports = memoryPorts()
  api = createApi(ports, { pollInterval: 1 })
})

describe('executions of a user', () => {
  it('are listed, the newest first, by pages, and those of others are not', async () => {
    for (const name of ['first', 'second', 'third']) {
      await execution('ada', name)
      await execution('ben', `ben-${name}`)
      ports.clock.advance(1000)
    }
    const ask = asker(api, ada)
    const page = (await ask('GET', '/executions?limit=2')).body as {
      executions: { name: string }[]
      cursor: string
    }
    expect(page.executions.map(({ name }) => name)).toEqual(['third', 'second'])
    const rest = await ask('GET', `/executions?limit=2&cursor=${encodeURIComponent(page.cursor)}`)
    expect(rest.body).toMatchObject({ executions: [{ name: 'first' }] })
    expect(rest.body['cursor']).toBeUndefined()
  })

  it('are told of by one look at the newest of all, and one for each that is older', async () => {
    for (let i = 0; i < 5; i++) await execution('ada', `run-${i}`)
    const described: string[] = []
    const { executions } = ports
    const counting: Ports = {
      ...ports,
      executions: Object.assign(Object.create(executions) as typeof executions, {
        describe: (workflow: string, name: string) => {
          described.push(name)
          return executions.describe(workflow, name)
        },
        list: async (options: object) => {
          const page = await executions.list(options)
          return { executions: page.executions.filter(({ name }) => name !== 'run-0') }
        },
      }),
    }
    const ask = asker(createApi(counting), ada)
    const { body } = await ask('GET', '/executions')
    expect(body).toEqual((await asker(api, ada)('GET', '/executions')).body)
    expect(body['executions']).toHaveLength(5)
    expect(described).toEqual(['run-0'])
  })

  it('are listed once, however often their first task runs', async () => {
    await execution('ada', 'one')
    ports.clock.advance(1000)
    await execution('ada', 'one')
    const { body } = await asker(api, ada)('GET', '/executions')
    expect(body['executions']).toHaveLength(1)
  })

  it('are in the list from their first task on', async () => {
    await train(ports, 'uploads/ada/iris.npy', irisNpy(), {
      configuration: { algorithms: ['majority'] },
      name: 'real',
    })
    ports.executions.set({ workflow: 'training', name: 'real', input: inputOf('ada') })
    const { body } = await asker(api, ada)('GET', '/executions')
    expect(body).toMatchObject({ executions: [{ name: 'real' }] })
  })

  it.each(['', '/events', '/stop', '/redrive'])('are not there for others: %s', async (suffix) => {
    await execution('ada', 'mine')
    const method = suffix === '/stop' || suffix === '/redrive' ? 'POST' : 'GET'
    const foreign = await asker(api, ben)(method, `/executions/mine${suffix}`)
    const missing = await asker(api, ben)(method, `/executions/none${suffix}`)
    expect(foreign.status).toBe(404)
    expect(foreign.text.replace('mine', 'none')).toBe(missing.text)
    const workflow = await asker(api, ben)(method, `/executions/none${suffix}?workflow=other`)
    expect(workflow.text.replace('other', 'training')).toBe(missing.text)
  })

  it('are stopped by a trainer', async () => {
    await execution('ada', 'running', 'RUNNING')
    const { status, body } = await asker(api, ada)('POST', '/executions/running/stop')
    expect([status, body['status']]).toEqual([200, 'ABORTED'])
  })
})

describe('a stream of events', () => {
  const events = [1, 2, 3].map((id) => ({
    id,
    previousEventId: id - 1,
    type: 'TaskStateEntered',
    timestamp: '2026-01-01T00:00:00.000Z',
    details: {},
  }))
  const accept = { accept: 'text/event-stream' }

  it('has each event under its id and ends with the status', async () => {
    await execution('ada', 'one')
    ports.executions.setHistory('training', 'one', events)
    const { text, headers } = await asker(api, ada)('GET', '/executions/one/events', {
      headers: accept,
    })
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(['1', '2', '3'])
    expect(text).toMatch(/event: end\ndata: {"status":"SUCCEEDED"}\n\n$/)
  })

  it('goes on after the last event that its reader has seen', async () => {
    await execution('ada', 'one')
    ports.executions.setHistory('training', 'one', events)
    const { text } = await asker(api, ada)('GET', '/executions/one/events', {
      headers: { ...accept, 'last-event-id': '2' },
    })
    expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(['3'])
  })

  it('ends early where answers cannot go on, without saying that it is the end', async () => {
    const gateway = createApi(ports, { pollInterval: 1, streams: false })
    await execution('ada', 'one', 'RUNNING')
    ports.executions.setHistory('training', 'one', events)
    const { text } = await asker(gateway, ada)('GET', '/executions/one/events', { headers: accept })
    expect(text).toContain('id: 3')
    expect(text).not.toContain('event: end')
  })
})

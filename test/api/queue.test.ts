import { beforeEach, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import type { Caller } from '../../tasks/caller.ts'
import { asker } from './ask.ts'

let ports: MemoryPorts
let api: Api

beforeEach(() => {
  ports = memoryPorts()
  api = createApi(ports)
})

const dead = '/queue/dead-letters'

/** Messages that were received as often as one may. */
async function given(...bodies: string[]): Promise<string[]> {
  const sent = await Promise.all(bodies.map((body) => ports.queue.send(body)))
  while ((await ports.queue.receive({ limit: 10, visibilitySeconds: 0 })).length > 0);
  return sent.map(({ messageId }) => messageId)
}

async function listed(): Promise<unknown> {
  return (await asker(api)('GET', dead)).body['deadLetters']
}

it('dead letters are listed with what they ask for, and without their receipts', async () => {
  expect(await listed()).toEqual([])
  const [first, second] = await given('one', 'two')
  const sentAt = '2026-01-01T00:00:00.000Z'
  expect(await listed()).toEqual([
    { messageId: first, sentAt, receiveCount: 5, body: 'one' },
    { messageId: second, sentAt, receiveCount: 5, body: 'two' },
  ])
  const { body } = await asker(api)('GET', `${dead}?limit=1`)
  expect(body['deadLetters']).toMatchObject([{ body: 'one' }])
})

it('one is sent again, once', async () => {
  const [id] = await given('one', 'two')
  expect(await asker(api)('POST', `${dead}/${id}/replay`)).toMatchObject({
    status: 200,
    body: { messageId: id },
  })
  expect(await ports.queue.receive()).toMatchObject([{ body: 'one', receiveCount: 1 }])
  expect(await listed()).toMatchObject([{ body: 'two' }])
  expect(await asker(api)('POST', `${dead}/${id}/replay`)).toMatchObject({
    status: 404,
    body: { type: 'urn:millrace:error:MessageNotFound' },
  })
})

it('one is dropped for good, and told that one time', async () => {
  const [id] = await given('one', 'two')
  const dropped = await asker(api)('DELETE', `${dead}/${id}`)
  expect(dropped).toMatchObject({ status: 200, body: { messageId: id, body: 'one' } })
  expect(await listed()).toMatchObject([{ body: 'two' }])
  expect((await asker(api)('DELETE', `${dead}/${id}`)).status).toBe(404)
})

it('a message that is alive is no dead letter', async () => {
  const { messageId } = await ports.queue.send('alive')
  expect((await asker(api)('POST', `${dead}/${messageId}/replay`)).status).toBe(404)
  expect((await asker(api)('DELETE', `${dead}/${messageId}`)).status).toBe(404)
  expect(await ports.queue.receive()).toMatchObject([{ body: 'alive' }])
})

it.each([
  ['GET', `${dead}?limit=0`],
  ['GET', `${dead}?limit=101`],
  ['POST', `${dead}/a%20b/replay`],
  ['DELETE', `${dead}/${'a'.repeat(129)}`],
])('%s %s is refused', async (method, path) => {
  expect(await asker(api)(method, path)).toMatchObject({
    status: 400,
    body: { type: 'urn:millrace:error:RequestInvalid' },
  })
})

it('only the operator sees the queue', async () => {
  const [id] = await given('one')
  const owner: Caller = { user: 'ada', role: 'owner', keyId: 'k1' }
  for (const [method, path] of [
    ['GET', dead],
    ['POST', `${dead}/${id}/replay`],
    ['DELETE', `${dead}/${id}`],
  ] as const) {
    expect((await asker(api, owner)(method, path)).status).toBe(403)
  }
  expect(await listed()).toHaveLength(1)
})

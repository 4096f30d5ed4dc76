import { OpenAPIHono } from '@hono/zod-openapi'
import { beforeEach, expect, it } from 'vitest'
import { openAdmission } from '../../api/admission.ts'
import { abandonedSeconds, createIdempotency } from '../../api/idempotency.ts'
import { problemOf, problemResponse } from '../../api/problem.ts'
import { readJson } from '../../api/requests.ts'
import { Routes, type ApiApp } from '../../api/route.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createQuotas } from '../../tasks/quotas.ts'
import { keptSeconds } from '../../tasks/repeated-appends.ts'

let ports: MemoryPorts
let app: ApiApp
let made: unknown[]
let behaviour: () => Promise<void>

beforeEach(() => {
  ports = memoryPorts()
  made = []
  behaviour = async () => undefined
  app = new OpenAPIHono()
  app.onError((error) => problemResponse(problemOf(error, ports.logger)))
  const routes = new Routes(app, {
    admission: openAdmission,
    idempotency: createIdempotency(ports),
    quotas: createQuotas(ports.table, ports.clock),
  })
  routes.add(
    { access: 'own', method: 'post', path: '/things', creates: true, responses: {} },
    async (context) => {
      await behaviour()
      made.push(await readJson(context.req.raw))
      return context.json({ number: made.length }, 201, { location: `/things/${made.length}` })
    },
  )
})

async function post(key: string | undefined, body: object) {
  const headers = { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await app.fetch(new Request('http://localhost/things', init), {
    admitted: undefined,
  })
  return {
    status: response.status,
    body: (await response.json()) as Record<string, unknown>,
    replayed: response.headers.get('idempotent-replayed'),
    location: response.headers.get('location'),
  }
}

it('a repetition gets the first answer, and does nothing', async () => {
  const answer = { status: 201, body: { number: 1 } }
  expect(await post('a', { x: 1 })).toMatchObject({ ...answer, replayed: null })
  expect(await post('a', { x: 1 })).toMatchObject({ ...answer, replayed: 'true' })
  expect(made).toEqual([{ x: 1 }])
})

it('a repetition says where the thing is', async () => {
  const first = await post('a', {})
  const again = await post('a', {})
  expect([first.location, again.location]).toEqual(['/things/1', '/things/1'])
})

it('a request that was refused may be repeated, since nothing is kept of it', async () => {
  behaviour = () => Promise.reject(new MillraceError('ModelNotFound', 'there is no such model'))
  expect((await post('a', {})).status).toBe(404)
  behaviour = async () => undefined
  expect(await post('a', {})).toMatchObject({ status: 201, replayed: null })
})

it('requests without a key are all done', async () => {
  await post(undefined, {})
  expect((await post(undefined, {})).body).toEqual({ number: 2 })
})

it('the same key with another request is refused', async () => {
  await post('a', { x: 1 })
  const { status, body } = await post('a', { x: 2 })
  expect([status, body['type']]).toEqual([422, 'urn:millrace:error:IdempotencyKeyReused'])
})

it('a repetition during the first one is told to wait', async () => {
  const entered = Promise.withResolvers<undefined>()
  const open = Promise.withResolvers<undefined>()
  behaviour = async () => {
    entered.resolve(undefined)
    await open.promise
  }
  const first = post('a', {})
  await entered.promise
  expect((await post('a', {})).status).toBe(409)
  open.resolve(undefined)
  expect((await first).status).toBe(201)
  expect(made).toHaveLength(1)
})

it('a request that failed may be repeated', async () => {
  behaviour = () => Promise.reject(new MillraceError('StorageFailed', 'the disk is full'))
  expect((await post('a', {})).status).toBe(503)
  behaviour = async () => undefined
  expect((await post('a', {})).status).toBe(201)
})

it('a request whose process died may be done anew after a while', async () => {
  behaviour = () => new Promise(() => undefined)
  void post('a', {})
  await expect.poll(async () => (await post('a', {})).status).toBe(409)
  behaviour = async () => undefined
  ports.clock.advance(abandonedSeconds * 1000)
  expect((await post('a', {})).status).toBe(201)
})

it('a key is free again after its time', async () => {
  await post('a', { x: 1 })
  ports.clock.advance(keptSeconds * 1000)
  expect((await post('a', { x: 2 })).status).toBe(201)
})

it.each(['', 'a b', 'x'.repeat(256), 'ä'])('refuses the key %j', async (key) => {
  if (key === '') return expect((await post(' ', {})).status).not.toBe(500)
  expect((await post(key, {})).status).toBe(400)
})

import { beforeEach, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { keyAdmission, rememberedMilliseconds } from '../../api/authentication.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { formatApiKey, newApiKey } from '../../tasks/api-key.ts'
import { freePlan } from '../../tasks/plans.ts'

const operatorKey = formatApiKey(newApiKey('operator'))

let ports: MemoryPorts
let api: Api

beforeEach(() => {
  ports = memoryPorts()
  const accounts = createAccounts(ports.table, ports.clock)
  const admission = keyAdmission(accounts, ports.clock, { operatorKeys: [operatorKey] })
  api = createApi(ports, { admission })
})

interface Asked {
  readonly key?: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

async function ask(method: string, path: string, asked: Asked = {}) {
  const { key = operatorKey, body, headers = {} } = asked
  const response = await api.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  )
  const answer = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body: answer }
}

/** A user with a key of the role. */
async function keyOf(user: string, role = 'owner'): Promise<string> {
  await ask('POST', '/users', { body: { name: user } })
  const { body } = await ask('POST', `/users/${user}/keys`, { body: { role } })
  return body['key'] as string
}

const problem = (status: number, name: string) => ({
  status,
  body: { type: `urn:millrace:error:${name}`, status },
})

describe('the operator', () => {
  it('makes, lists, finds and removes users, and gives them plans', async () => {
    for (const plan of ['small', 'large']) await ask('PUT', `/plans/${plan}`, { body: freePlan })
    const made = await ask('POST', '/users', { body: { name: 'ada', plan: 'small' } })
    expect(made).toMatchObject({ status: 201, body: { name: 'ada', plan: 'small' } })
    await ask('POST', '/users', { body: { name: 'bob' } })
    const first = await ask('GET', '/users?limit=1')
    expect(first.body).toMatchObject({ users: [{ name: 'ada' }] })
    const cursor = encodeURIComponent(String(first.body['cursor']))
    const second = await ask('GET', `/users?limit=1&cursor=${cursor}`)
    expect(second.body).toEqual({ users: [expect.objectContaining({ name: 'bob' })] })
    expect(await ask('PUT', '/users/ada/plan', { body: { plan: 'large' } })).toMatchObject({
      status: 200,
      body: { name: 'ada', plan: 'large' },
    })
    expect(await ask('DELETE', '/users/ada')).toMatchObject({
      status: 200,
      body: { name: 'ada', disabledAt: '2026-01-01T00:00:00.000Z' },
    })
    expect((await ask('GET', '/users/ada')).body).toMatchObject({ plan: 'large' })
  })

  it.each<[string, string, unknown, number, string]>([
    ['POST', '/users', { name: 'ada' }, 409, 'UserExists'],
    ['POST', '/users', { name: '__proto__' }, 400, 'RequestInvalid'],
    ['POST', '/users', { name: 'bob', admin: true }, 400, 'RequestInvalid'],
    ['POST', '/users', { name: 'bob', plan: '' }, 400, 'RequestInvalid'],
    ['GET', '/users/bob', undefined, 404, 'UserNotFound'],
    ['GET', '/users/a%20b', undefined, 400, 'RequestInvalid'],
    ['DELETE', '/users/bob', undefined, 404, 'UserNotFound'],
    ['POST', '/users', { name: 'bob', plan: 'none' }, 404, 'PlanNotFound'],
    ['PUT', '/users/bob/plan', { plan: 'default' }, 404, 'UserNotFound'],
    ['PUT', '/users/ada/plan', { plan: 'none' }, 404, 'PlanNotFound'],
    ['PUT', '/users/ada/plan', {}, 400, 'RequestInvalid'],
    ['GET', '/users/bob/keys', undefined, 404, 'UserNotFound'],
    ['POST', '/users/bob/keys', { role: 'owner' }, 404, 'UserNotFound'],
    ['POST', '/users/ada/keys', { role: 'operator' }, 400, 'RequestInvalid'],
    ['POST', '/users/ada/keys', { role: 'owner', label: '\u0000' }, 400, 'RequestInvalid'],
    ['DELETE', `/users/ada/keys/${'0'.repeat(16)}`, undefined, 404, 'KeyNotFound'],
    ['DELETE', '/users/ada/keys/none', undefined, 400, 'RequestInvalid'],
    ['GET', '/users?cursor=x', undefined, 400, 'CursorInvalid'],
  ])('%s %s with %j is refused', async (method, path, body, status, name) => {
    await ask('POST', '/users', { body: { name: 'ada' } })
    expect(await ask(method, path, { body })).toMatchObject(problem(status, name))
  })
})

it('a plan that is not there is refused before anything is written', async () => {
  await ask('POST', '/users', { body: { name: 'bob', plan: 'none' } })
  expect((await ask('GET', '/users/bob')).status).toBe(404)
  await ask('POST', '/users', { body: { name: 'ada' } })
  const refused = await ask('PUT', '/users/ada/plan', { body: { plan: 'none' } })
  expect(refused.body['detail']).toBe('there is no plan none')
  expect((await ask('GET', '/users/ada')).body).toMatchObject({ plan: 'default' })
})

describe('a key', () => {
  it('is told once, not to be stored on the way, and then known by its ending', async () => {
    await ask('POST', '/users', { body: { name: 'ada' } })
    const made = await ask('POST', '/users/ada/keys', { body: { role: 'trainer', label: 'ci' } })
    const { key, ...rest } = made.body
    expect(made.status).toBe(201)
    expect(made.headers.get('cache-control')).toBe('no-store')
    expect(rest).toMatchObject({ user: 'ada', role: 'trainer', label: 'ci' })
    expect(String(key).slice(-4)).toBe(rest['ending'])
    expect((await ask('GET', '/users/ada/keys')).body).toEqual({ keys: [rest] })
  })

  it('is made once for an Idempotency-Key, and not kept for the repetition', async () => {
    await ask('POST', '/users', { body: { name: 'ada' } })
    const again = { body: { role: 'owner' }, headers: { 'idempotency-key': 'one' } }
    const first = await ask('POST', '/users/ada/keys', again)
    const second = await ask('POST', '/users/ada/keys', again)
    expect(second).toMatchObject({ status: 201, body: { ...first.body, key: null } })
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect((await ask('GET', '/users/ada/keys')).body['keys']).toHaveLength(1)
    const { items } = await ports.table.query('idempotency#')
    expect(items).toHaveLength(1)
    const kept = JSON.stringify(items)
    expect(kept).not.toContain(first.body['key'])
  })

  it('of an owner makes, lists and revokes those of the user', async () => {
    const ada = await keyOf('ada')
    expect((await ask('GET', '/users/ada', { key: ada })).status).toBe(200)
    const { body } = await ask('POST', '/users/ada/keys', { key: ada, body: { role: 'reader' } })
    const reader = body['key'] as string
    expect((await ask('GET', '/models', { key: reader })).status).toBe(200)
    const revoked = await ask('DELETE', `/users/ada/keys/${String(body['id'])}`, { key: ada })
    expect(revoked).toMatchObject({
      status: 200,
      body: { revokedAt: expect.any(String) as string },
    })
    ports.clock.advance(rememberedMilliseconds + 1)
    expect(await ask('GET', '/models', { key: reader })).toMatchObject(
      problem(401, 'Unauthenticated'),
    )
  })

  it('sees no other user, and makes none', async () => {
    const [ada, bob] = [await keyOf('ada'), await keyOf('bob')]
    const { body } = await ask('GET', '/users/ada/keys', { key: ada })
    const [{ id }] = body['keys'] as [{ id: string }]
    for (const [method, path, sent] of [
      ['GET', '/users/ada'],
      ['GET', '/users/ada/keys'],
      ['POST', '/users/ada/keys', { role: 'owner' }],
      ['DELETE', `/users/ada/keys/${id}`],
    ] as const) {
      expect(await ask(method, path, { key: bob, body: sent })).toMatchObject(
        problem(404, 'UserNotFound'),
      )
    }
    expect(await ask('DELETE', `/users/bob/keys/${id}`, { key: bob })).toMatchObject(
      problem(404, 'KeyNotFound'),
    )
    for (const [method, path, sent] of [
      ['GET', '/users'],
      ['POST', '/users', { name: 'eve' }],
      ['DELETE', '/users/bob'],
      ['PUT', '/users/bob/plan', { plan: 'free-for-all' }],
    ] as const) {
      expect(await ask(method, path, { key: bob, body: sent })).toMatchObject(
        problem(403, 'PermissionDenied'),
      )
    }
  })

  it.each(['trainer', 'predictor', 'reader'])('of a %s has no part in keys', async (role) => {
    const key = await keyOf('ada', role)
    expect(await ask('GET', '/users/ada/keys', { key })).toMatchObject(
      problem(403, 'PermissionDenied'),
    )
    expect(await ask('POST', '/users/ada/keys', { key, body: { role: 'owner' } })).toMatchObject(
      problem(403, 'PermissionDenied'),
    )
  })

  it('ends with its user', async () => {
    const key = await keyOf('ada')
    await ask('DELETE', '/users/ada')
    expect(await ask('GET', '/models', { key })).toMatchObject(problem(401, 'Unauthenticated'))
  })
})

import { afterEach, describe, expect, it, vi } from 'vitest'
import { rememberedMilliseconds } from '../../../api/authentication.ts'
import { apiFunction } from '../../../platform/aws/api-function.ts'
import {
  authorizerHandler,
  type AuthorizerEvent,
} from '../../../platform/aws/authorizer-function.ts'
import {
  authorizerFrom,
  authorizerVariable,
  callerOf,
  type GatewayAuthorizer,
} from '../../../platform/aws/http-caller.ts'
import type { HttpEvent } from '../../../platform/aws/http-event.ts'
import { predictionsHandler } from '../../../platform/aws/predictions-function.ts'
import { memoryPorts } from '../../../platform/testing/index.ts'
import { createAccounts } from '../../../tasks/accounts.ts'
import { formatApiKey, newApiKey } from '../../../tasks/api-key.ts'
import { httpApiEvent, restApiEvent, type Asked } from './http-events.ts'
import { lambdaContext, memoryRuntime } from './memory-runtime.ts'

const models: Asked = { method: 'GET', path: '/models' }
const operator = { user: null, role: 'owner', keyId: null }

function withAuthorizer(event: HttpEvent, authorizer: Record<string, unknown> | null): HttpEvent {
  return { ...event, requestContext: { ...event.requestContext, authorizer } }
}

const http = (authorizer: Record<string, unknown>) =>
  withAuthorizer(httpApiEvent(models), authorizer)
const rest = (authorizer: Record<string, unknown>) =>
  withAuthorizer(restApiEvent(models), authorizer)
const jwt = (claims: Record<string, unknown>) => http({ jwt: { claims, scopes: null } })

describe('who asks, by what the gateway says', () => {
  it.each<[string, HttpEvent, GatewayAuthorizer | undefined]>([
    ['no authorizer', httpApiEvent(models), undefined],
    ['no authorizer, as it should be', httpApiEvent(models), 'none'],
    ['IAM', http({ iam: { accessKey: 'AKIDEXAMPLE', userArn: 'arn:aws:iam::0:user/a' } }), 'iam'],
    ['IAM on a route of its own', http({ iam: { accessKey: 'AKIDEXAMPLE' } }), 'keys'],
    ['a REST API', restApiEvent(models), undefined],
    ['a REST API that measured its own time', rest({ integrationLatency: 3 }), undefined],
  ])('is the operator with %s', (_, event, authorizer) => {
    expect(callerOf(event, authorizer)).toEqual(operator)
  })

  it.each<[string, HttpEvent]>([
    ['an HTTP API', http({ lambda: { user: 'ada', role: 'trainer', keyId: 'k1' } })],
    ['a REST API', rest({ principalId: 'x', user: 'ada', role: 'trainer', keyId: 'k1' })],
  ])('is whom the Lambda authorizer of %s says', (_, event) => {
    expect(callerOf(event, 'keys')).toEqual({ user: 'ada', role: 'trainer', keyId: 'k1' })
  })

  it.each<[Record<string, unknown>, string, string]>([
    [{ 'custom:millrace_user': 'ada', 'cognito:username': 'x', sub: 'y' }, 'ada', 'reader'],
    [{ 'cognito:username': 'ada', sub: 'y' }, 'ada', 'reader'],
    [{ username: 'ada', sub: 'y' }, 'ada', 'reader'],
    [{ 'cognito:username': 'ada@example.com', sub: '6bc28136-4365' }, '6bc28136-4365', 'reader'],
    [{ sub: 'ada', 'cognito:groups': '[millrace-owner]' }, 'ada', 'owner'],
    [
      { sub: 'ada', 'cognito:groups': '[staff millrace-reader millrace-trainer]' },
      'ada',
      'trainer',
    ],
    [{ sub: 'ada', 'cognito:groups': ['millrace-predictor'] }, 'ada', 'predictor'],
    [{ sub: 'ada', 'cognito:groups': '[millrace-operator owner]' }, 'ada', 'reader'],
    [{ sub: 'ada', 'cognito:groups': '[x,millrace-owner]' }, 'ada', 'reader'],
    [{ sub: 'ada', 'cognito:groups': 7 }, 'ada', 'reader'],
  ])('is by the claims %j the user %s as %s', (claims, user, role) => {
    expect(callerOf(jwt(claims), 'jwt')).toEqual({ user, role, keyId: null })
  })

  it('is by the claims of a REST API alike', () => {
    const claims = { 'cognito:username': 'ada', 'cognito:groups': 'staff,millrace-trainer' }
    expect(callerOf(rest({ claims }), 'jwt')).toMatchObject({ user: 'ada', role: 'trainer' })
  })

  it.each<[string, HttpEvent]>([
    ['an empty context', http({ lambda: {} })],
    ['a context without a role', http({ lambda: { user: 'ada' } })],
    ['a context with a role there is not', http({ lambda: { user: 'ada', role: 'operator' } })],
    ['a context with a user that is none', http({ lambda: { user: '', role: 'owner' } })],
    ['a context with a user of another type', http({ lambda: { user: 1, role: 'owner' } })],
    ['no claims', jwt({})],
    ['claims that name no user', jwt({ username: 'a b', sub: '__proto__' })],
    ['a claim of ours that is no name', jwt({ 'custom:millrace_user': '', sub: 'ada' })],
  ])('is nobody with %s', (_, event) => {
    expect(callerOf(event)).toBeUndefined()
  })

  it.each<GatewayAuthorizer>(['keys', 'jwt'])(
    'is not known where %s said nothing',
    (authorizer) => {
      expect(callerOf(httpApiEvent(models), authorizer)).toBeUndefined()
      expect(callerOf(withAuthorizer(httpApiEvent(models), null), authorizer)).toBeUndefined()
    },
  )
})

describe('the environment', () => {
  it('says which authorizer it is', () => {
    expect(authorizerFrom({})).toBeUndefined()
    expect(authorizerFrom({ [authorizerVariable]: '' })).toBeUndefined()
    expect(authorizerFrom({ [authorizerVariable]: 'jwt' })).toBe('jwt')
    expect(() => authorizerFrom({ [authorizerVariable]: 'key' })).toThrow(
      expect.objectContaining({ name: 'SettingsInvalid' }),
    )
  })
})

describe('a function behind the gateway', () => {
  afterEach(() => vi.unstubAllEnvs())

  const api = async (event: HttpEvent) =>
    (await apiFunction(() => memoryRuntime())(event, lambdaContext())).statusCode
  const predictions = async (event: HttpEvent) =>
    (await predictionsHandler(() => memoryPorts())(event)).statusCode
  const lambda = (role: string) => ({ lambda: { user: 'ada', role, keyId: 'k1' } })

  it('takes the caller whom it found', async () => {
    const users = httpApiEvent({ method: 'GET', path: '/users' })
    expect(await api(users)).toBe(200)
    expect(await api(withAuthorizer(users, lambda('reader')))).toBe(403)
    expect(await api(http(lambda('reader')))).toBe(200)
    expect(await api(jwt({}))).toBe(401)
  })

  it('takes no other word than that of a gateway that asks for keys, but on public routes', async () => {
    vi.stubEnv(authorizerVariable, 'keys')
    expect(await api(httpApiEvent(models))).toBe(401)
    expect(await api(httpApiEvent({ method: 'GET', path: '/health' }))).toBe(200)
    const spoofed = httpApiEvent(models)
    const headers = { ...spoofed.headers, authorization: `Bearer ${formatApiKey(newApiKey())}` }
    expect(await api({ ...spoofed, headers })).toBe(401)
  })

  it('predicts for whom it found alone', async () => {
    const rows = { instances: [[1]] }
    const asked = httpApiEvent({ path: '/models/ada/iris/predictions', body: rows })
    expect(await predictions(asked)).toBe(404)
    expect(await predictions(withAuthorizer(asked, lambda('predictor')))).toBe(404)
    expect(await predictions(withAuthorizer(asked, lambda('reader')))).toBe(403)
    expect(await predictions(withAuthorizer(asked, { lambda: {} }))).toBe(401)
    vi.stubEnv(authorizerVariable, 'jwt')
    expect(await predictions(asked)).toBe(401)
  })
})

describe('the authorizer function', () => {
  async function withKey() {
    const ports = memoryPorts()
    const accounts = createAccounts(ports.table, ports.clock)
    await accounts.createUser('ada')
    const { key, id } = await accounts.createKey('ada', { role: 'trainer' })
    return { ports, accounts, key, id, handler: authorizerHandler(() => ports) }
  }
  const request = (headers: AuthorizerEvent['headers'] = {}): AuthorizerEvent => ({
    requestContext: {},
    headers,
  })

  it('lets the holder of a key in, and says who it is', async () => {
    const { handler, key, id } = await withKey()
    const answer = { isAuthorized: true, context: { user: 'ada', role: 'trainer', keyId: id } }
    expect(await handler(request({ authorization: `Bearer ${key}` }))).toEqual(answer)
    expect(await handler(request({ 'X-Api-Key': key }))).toEqual(answer)
    expect(callerOf(http({ lambda: answer.context }), 'keys')).toEqual(answer.context)
  })

  it('lets in nobody else, and tells nothing', async () => {
    const { handler, key } = await withKey()
    for (const headers of [
      null,
      {},
      { authorization: 'Bearer' },
      { authorization: `Bearer ${formatApiKey(newApiKey())}` },
      { authorization: `Bearer ${formatApiKey(newApiKey('operator'))}` },
      { authorization: `Bearer ${key}`, 'x-api-key': formatApiKey(newApiKey()) },
    ]) {
      expect(await handler(request(headers))).toEqual({ isAuthorized: false })
    }
  })

  it('takes a revoked key no longer than it is said to', async () => {
    const { accounts, handler, key, id, ports } = await withKey()
    const asked = request({ 'x-api-key': key })
    await handler(asked)
    await accounts.revokeKey('ada', id)
    ports.clock.advance(rememberedMilliseconds)
    expect(await handler(asked)).toMatchObject({ isAuthorized: true })
    ports.clock.advance(1)
    expect(await handler(asked)).toEqual({ isAuthorized: false })
  })

  it('fails, which lets nobody in, when the table cannot be read', async () => {
    const { handler, key, ports } = await withKey()
    vi.spyOn(ports.table, 'get').mockRejectedValueOnce(new Error('away'))
    await expect(handler(request({ 'x-api-key': key }))).rejects.toThrow('away')
  })

  it('refuses what is no request', async () => {
    const { handler } = await withKey()
    await expect(handler({})).rejects.toMatchObject({ name: 'RequestInvalid' })
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { createApi, type Api } from '../../api/app.ts'
import { keyAdmission, rememberedMilliseconds } from '../../api/authentication.ts'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createAccounts, type Accounts } from '../../tasks/accounts.ts'
import { formatApiKey, newApiKey } from '../../tasks/api-key.ts'
import { permits, roles, type Permission, type Role } from '../../tasks/caller.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

/** What parameters of this name are called: those of a tenant's things, or of none there are. */
type Names = Readonly<Record<string, string>>

const operatorKey = formatApiKey(newApiKey('operator'))

const ofAda: Names = {
  user: 'ada',
  userID: 'ada',
  dataset: 'orchids',
  model: 'ada/orchids',
  version: '0',
  kind: 'evaluation',
  alias: 'champion',
  name: 'ada-orchids-run',
  id: 'ada~orchids~0~0000000000000001',
  key: 'uploads/ada/orchids.npy',
  versionId: 'v1',
  keyId: '0123456789abcdef',
  plan: 'default',
  uploadId: 'a'.repeat(32),
  batch: 'batch-of-ada',
}

const ofNobody: Names = {
  ...ofAda,
  user: 'nobody',
  userID: 'nobody',
  dataset: 'lotuses',
  model: 'nobody/lotuses',
  name: 'nobody-lotuses-run',
  id: 'nobody~lotuses~0~0000000000000001',
  key: 'uploads/nobody/lotuses.npy',
  versionId: 'no-such-version',
  uploadId: 'n'.repeat(32),
  batch: 'batch-of-nobody',
}

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minimum?: number
}

interface Operation {
  readonly security?: readonly object[]
  readonly 'x-permission'?: Permission | readonly Permission[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>
  }
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> }
}

interface Route {
  readonly title: string
  readonly method: string
  readonly path: string
  readonly operation: Operation
  /** Of these one is enough. */
  readonly permissions: readonly Permission[]
}

/** All ports with a model of Ada's, and an API with keys on them. */
async function openApi() {
  const ports = memoryPorts()
  const admission = keyAdmission(createAccounts(ports.table, ports.clock), ports.clock, {
    operatorKeys: [operatorKey],
  })
  const api = createApi(ports, { admission, pollInterval: 1, sagemakerModel: 'ada/orchids' })
  return { ports, accounts: createAccounts(ports.table, ports.clock), api }
}

const document = await documentOf((await openApi()).api)
const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
)
const routes: Route[] = documented
  .filter(({ operation }) => operation.security?.length !== 0)
  .map(({ path, method, operation }) => ({
    title: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    operation,
    permissions: [operation['x-permission'] ?? []].flat(),
  }))

let ports: MemoryPorts
let accounts: Accounts
let api: Api

beforeEach(async () => {
  ;({ ports, accounts, api } = await openApi())
  for (const user of ['ada', 'bob']) await accounts.createUser(user)
})

async function keyOf(user: string, role: Role = 'owner'): Promise<string> {
  return (await accounts.createKey(user, { role })).key
}

/** Makes what the names of Ada's things stand for, as a route knows them. */
async function makeThings({ path }: Route): Promise<Names> {
  await train(ports, ofAda['key']!, irisNpy(), {
    name: ofAda['name']!,
    configuration: { algorithms: ['majority'] },
  })
  const input = { detail: { object: { key: ofAda['key']! } } }
  ports.executions.set({ workflow: 'training', name: ofAda['name']!, status: 'SUCCEEDED', input })
  const asked = await ask('POST', '/models/ada/orchids/predictions', operatorKey, {
    instances: [[5.1, 3.5, 1.4, 0.2]],
  })
  const { id } = JSON.parse(asked.text) as { id: string }
  const upload = { size: 1, partSize: 5 * 1024 ** 2 }
  const place = path.includes('/inputs')
    ? '/models/ada/orchids/inputs'
    : '/datasets/ada/orchids/uploads'
  const started = await ask('POST', place, operatorKey, upload)
  const { uploadId } = JSON.parse(started.text) as { uploadId: string }
  const accepted = await ask('POST', '/models/ada/orchids/batches', operatorKey, {})
  const { batch } = JSON.parse(accepted.text) as { batch: string }
  const { versionId } = await ports.objects.head(ofAda['key']!)
  const { keys } = await accounts.keys('ada')
  return { ...ofAda, id, uploadId, batch, versionId, keyId: keys[0]?.id ?? ofAda['keyId']! }
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function ask(
  method: string,
  path: string,
  headers: string | Readonly<Record<string, string>>,
  body?: unknown,
): Promise<Answer> {
  const sent = typeof headers === 'string' ? { authorization: `Bearer ${headers}` } : headers
  const response = await api.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...sent },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  )
  return { status: response.status, text: await response.text() }
}

/** Asks a route for things of these names, wherever its parameters and its body name any. */
function askRoute(
  route: Route,
  headers: string | Readonly<Record<string, string>>,
  names: Names = ofAda,
): Promise<Answer> {
  return ask(route.method, pathOf(route, names), headers, bodyOf(route, names))
}

function problemNamed(name: string, status: number) {
  return {
    status,
    text: expect.stringContaining(`"urn:millrace:error:${name}"`) as string,
  }
}

describe('the document', () => {
  it('says of each route that it is public, or what it takes', () => {
    expect(routes.length).toBeGreaterThan(20)
    expect(routes.filter(({ permissions }) => permissions.length === 0)).toEqual([])
  })

  it('has values for the parameters of each path in this test', () => {
    const parameters = routes.flatMap(({ path }) => path.match(/(?<=\{)\w+(?=\})/g) ?? [])
    expect(parameters.filter((name) => !(name in ofAda))).toEqual([])
  })
})

describe.each(routes)('$title', (route) => {
  const { permissions } = route

  it('refuses who has no key, or what is none', async () => {
    const key = await keyOf('ada')
    const wrong: Readonly<Record<string, string>>[] = [
      {},
      { authorization: '' },
      { authorization: 'Bearer' },
      { authorization: 'Bearer null' },
      { authorization: `Basic ${Buffer.from(`ada:${key}`).toString('base64')}` },
      { authorization: key },
      { authorization: `Bearer ${key.slice(0, -1)}` },
      { authorization: `Bearer ${key}x` },
      { authorization: `Bearer ${key} ${key}` },
      { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.' },
      { 'x-api-key': 'mr_operator_' },
      { 'x-api-key': formatApiKey(newApiKey('operator')) },
      { 'x-api-key': formatApiKey(newApiKey()) },
      { authorization: `Bearer ${key}`, 'x-api-key': operatorKey },
      { cookie: `key=${key}` },
    ]
    for (const headers of wrong) {
      expect(await askRoute(route, headers)).toEqual(problemNamed('Unauthenticated', 401))
    }
    expect(await ask(route.method, `${pathOf(route, ofAda)}?key=${key}`, {})).toEqual(
      problemNamed('Unauthenticated', 401),
    )
  })

  it('refuses who has a revoked key, or one of a user who was removed', async () => {
    const { key, id } = await accounts.createKey('ada', { role: 'owner' })
    const other = await keyOf('bob')
    const before = [await askRoute(route, key), await askRoute(route, other)]
    for (const { status } of before) expect(status).not.toBe(401)
    await accounts.revokeKey('ada', id)
    await accounts.removeUser('bob')
    ports.clock.advance(rememberedMilliseconds + 1)
    for (const ended of [key, other]) {
      expect(await askRoute(route, ended)).toEqual(problemNamed('Unauthenticated', 401))
    }
  })

  const mayAsk = (role: Role) =>
    permissions.some((permission) => permits({ user: 'ada', role, keyId: null }, permission))
  it.each(roles)('knows what a key of the role %s may do', async (role) => {
    const answer = await askRoute(route, await keyOf('ada', role))
    if (!mayAsk(role)) return expect(answer).toEqual(problemNamed('PermissionDenied', 403))
    expect([401, 403]).not.toContain(answer.status)
    expect(answer.status).toBeLessThan(500)
  })

  it('answers the operator', async () => {
    const { status } = await askRoute(route, operatorKey)
    expect([401, 403]).not.toContain(status)
    expect(status).toBeLessThan(500)
  })

  it('has for another user nothing of Ada’s, as if there were none', async () => {
    await keyOf('ada')
    const names = await makeThings(route)
    const bob = await keyOf('bob')
    const answer = await askRoute(route, bob, names)
    if (permissions.includes('operate')) {
      expect(answer).toEqual(problemNamed('PermissionDenied', 403))
      return
    }
    const namesThings = /\{/.test(route.path)
    const isByName = namesThings || JSON.stringify(bodyOf(route, names) ?? '').includes('ada')
    if (isByName) expect(answer.status).toBe(404)
    if (answer.status < 400) expect(answer.text).not.toMatch(/\bada\b|orchids/)
    const nothing = await askRoute(route, bob, ofNobody)
    expect({ ...answer, text: told(answer, names) }).toEqual({
      ...nothing,
      text: told(nothing, ofNobody),
    })
    // And it has changed nothing of hers.
    expect((await ask('GET', '/models/ada/orchids/versions/0', operatorKey)).status).toBe(200)
    expect((await accounts.keys('ada')).keys).toMatchObject([{ revokedAt: null }])
  })
})

/** An answer without the names that its request had. */
function told({ text }: Answer, names: Names): string {
  const values = Object.values(names).filter((value) => value.length > 2)
  const longestFirst = values.sort((a, b) => b.length - a.length)
  return longestFirst.reduce((rest, value) => rest.replaceAll(value, '*'), text)
}

async function documentOf(of: Api): Promise<Document> {
  const response = await of.fetch(new Request('http://localhost/openapi.json'))
  return (await response.json()) as Document
}

function pathOf({ path, operation }: Route, names: Names): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name]!))
  const query = (operation.parameters ?? [])
    .filter((one) => one.in === 'query' && (one.required === true || one.name === 'user'))
    .map(({ name, schema }): [string, string] => [name, String(sample(schema, names, name))])
  return query.length === 0 ? filled : `${filled}?${new URLSearchParams(query).toString()}`
}

function bodyOf({ operation }: Route, names: Names): unknown {
  const content = operation.requestBody?.content
  if (content === undefined) return undefined
  const { schema } = content['application/json'] ?? Object.values(content)[0]!
  return sample(schema, names)
}

/** A value that a schema takes, in which what names a user, or a thing of one, has these names. */
function sample(schema: Schema, names: Names, name = ''): unknown {
  if (schema.$ref !== undefined) {
    const target = schema.$ref.split('/').at(-1)!
    return sample(document.components!.schemas![target]!, names, name)
  }
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return schema.enum[0]
  const [choice] = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []
  if (choice !== undefined) return sample(choice, names, name)
  switch (typeof schema.type === 'string' ? schema.type : schema.type?.[0]) {
    case 'object': {
      const { properties = {}, required = [] } = schema
      const given = Object.keys(properties).filter(
        (one) => required.includes(one) || one === 'user' || one === 'userID',
      )
      return Object.fromEntries(
        given.map((one) => [one, sample(properties[one]!, names, one)] as const),
      )
    }
    case 'array':
      return [sample(schema.items ?? {}, names)]
    case 'string':
      return names[name] ?? 'x'
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1)
    case 'boolean':
      return false
    default:
      return null
  }
}

import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reachableApiUrl } from '../../cli/aws/api-url.ts'
import { findCdk, runCdk } from '../../cli/aws/cdk.ts'
import { cloudFormation, stackOutputs } from '../../cli/aws/stack.ts'
import type { Deployment } from '../../cli/platform-location.ts'
import { sendPresigned as send, type Presigned } from '../aws/presigned.ts'
import { PeopleOfPool, type Tokens } from '../aws/user-pool.ts'
import { millrace, Screen } from '../cli/terminal.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'
import { clientOptions, endpoint, isEmulator } from '../platform/aws/endpoint.ts'

const stackName = `Users${randomUUID().slice(0, 8)}`
const deployment: Deployment = {
  kind: 'deployed',
  stack: stackName,
  endpoint,
  region: clientOptions.region,
  profile: undefined,
  credentials: clientOptions.credentials,
  argument: '',
}
const cdk = findCdk(import.meta.dirname, join(import.meta.dirname, 'users-app.ts'))
const flower = [6.5, 2.8, 4.6, 1.5]
const iris = irisNpy()

let directory: string
let outputs: Readonly<Record<string, string>>
/** Keys by what their holders are. */
const keys = { owner: '', trainer: '', predictor: '', reader: '', bob: '', carl: '' }

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-users-'))
  await deploy()
  outputs = await stackOutputs(await cloudFormation(deployment), deployment)
})

afterAll(async () => {
  expect(await run('destroy', '--delete-data', '--yes')).toMatchObject({ exitCode: 0 })
  await rm(directory, { recursive: true, force: true })
})

async function deploy(): Promise<void> {
  const screen = new Screen(120, 40)
  const { signal } = new AbortController()
  const context = ['-c', `stackName=${stackName}`, '--output', join(directory, 'cdk.out')]
  await runCdk(cdk, ['deploy', '--require-approval', 'never', ...context], deployment, {
    out: screen,
    err: screen,
    signal,
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}\n${screen.text}`)
  })
}

const run = (...args: string[]) => millrace(...args, '--stack', stackName, '--endpoint', endpoint)

/** What a command prints as JSON. */
async function told<Answer>(...args: string[]): Promise<Answer> {
  const { exitCode, out, err } = await run(...args, '--json')
  expect([exitCode, err]).toEqual([0, err])
  return JSON.parse(out) as Answer
}

interface Asked {
  readonly bearer?: string | undefined
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Of the API, as an output names it. */
  readonly of?: 'ApiUrl' | 'TokenApiUrl'
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Record<string, unknown>
}

async function ask(path: string, asked: Asked = {}): Promise<Answer> {
  const { bearer, body, headers = {}, of = 'ApiUrl' } = asked
  const { method = body === undefined ? 'GET' : 'POST' } = asked
  const base = reachableApiUrl(outputs[of]!, endpoint).replace(/\/$/, '')
  const response = await fetch(`${base}${path}`, {
    method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: (isJson ? JSON.parse(text) : {}) as Record<string, unknown>,
  }
}

const problem = (name: string) => `urn:millrace:error:${name}`
const predictions = '/models/ada/iris/predictions'
const instances = { instances: [flower] }

async function succeeded(path: string, bearer: string): Promise<void> {
  await expect
    .poll(async () => (await ask(path, { bearer })).body['status'], {
      timeout: 240_000,
      interval: 300,
    })
    .toBe('SUCCEEDED')
}

describe('an API that asks for keys', () => {
  it('has users, plans and keys that the operator makes, past the API', async () => {
    const price = { currency: 'EUR', perThousandPredictions: 100, perMillionTrainedRows: 1000 }
    const plan = {
      requestsPerSecond: null,
      monthly: {},
      prices: { ...price, perGigabyteMonth: 1 },
    }
    const tight = { ...plan, requestsPerSecond: 0.01, burst: 2 }
    for (const [name, value] of Object.entries({ priced: plan, tight })) {
      const file = join(directory, `${name}.json`)
      await writeFile(file, JSON.stringify(value))
      expect(await run('plans', 'set', name, file)).toMatchObject({ exitCode: 0 })
    }
    for (const [user, of] of [
      ['ada', 'priced'],
      ['bob', 'default'],
      ['carl', 'tight'],
    ] as const) {
      expect(await run('users', 'add', user, '--plan', of)).toMatchObject({ exitCode: 0 })
    }
    const keyOf = async (user: string, role: string) =>
      (await told<{ key: string }>('keys', 'create', user, '--role', role)).key
    for (const role of ['owner', 'trainer', 'predictor', 'reader'] as const) {
      keys[role] = await keyOf('ada', role)
    }
    keys.bob = await keyOf('bob', 'owner')
    keys.carl = await keyOf('carl', 'owner')
    expect((await run('users')).out).toMatch(/^ada +priced/m)
  })

  it('trains what is sent to a presigned URL', async () => {
    const asked = await ask('/datasets/ada/iris/uploads', {
      bearer: keys.trainer,
      body: {
        format: 'npy',
        size: iris.length,
        configuration: { algorithms: ['logistic-regression'] },
      },
    })
    expect(asked.status).toBe(201)
    const sent = await send(asked.body as unknown as Presigned, iris)
    expect(sent.status).toBe(200)
    const versionId = sent.headers.get('x-amz-version-id')!
    const key = asked.body['key'] as string
    const delivery = `/uploads/delivery?${new URLSearchParams({ key, versionId }).toString()}`
    await expect.poll(async () => (await ask(delivery, { bearer: keys.trainer })).status).toBe(200)
    const { execution } = (await ask(delivery, { bearer: keys.trainer })).body
    await succeeded(`/executions/${String(execution)}`, keys.reader)
    const found = await ask(`/executions?limit=10`, { bearer: keys.reader })
    expect(found.body['executions']).toMatchObject([{ name: execution, status: 'SUCCEEDED' }])
  })

  it('refuses a presigned upload other than it was signed for', async () => {
    const presigned = async (more: object = {}) =>
      (
        await ask('/datasets/ada/other/uploads', {
          bearer: keys.trainer,
          body: { format: 'csv', size: 5, contentType: 'text/csv', ...more },
        })
      ).body as unknown as Presigned
    const five = Buffer.from('a,b\n1')
    const upload = await presigned()
    const elsewhere = upload.url.replace('/other.csv', '/iris.csv')
    expect(elsewhere).not.toBe(upload.url)
    const expired = upload.url.replace(/X-Amz-Date=\d{8}/, 'X-Amz-Date=20200101')
    expect(expired).not.toBe(upload.url)
    const answers = {
      anotherKey: await send({ ...upload, url: elsewhere }, five),
      anotherMethod: await fetch(upload.url, { method: 'DELETE' }),
      anotherDate: await send({ ...upload, url: expired }, five),
      larger: await send(upload, Buffer.from('a,b\n12')),
      anotherType: await send({ ...upload, headers: { 'content-type': 'text/plain' } }, five),
    }
    const statuses = Object.entries(answers).map(([name, { status }]) => [name, status])
    expect(Object.fromEntries(statuses)).toEqual(
      Object.fromEntries(statuses.map(([name]) => [name, 403])),
    )
  })

  it('takes a large file in parts from the command, with a key', async () => {
    const flowers = irisRows()
    // 5.4 MB: two parts, of which S3 takes the first only from 5 MiB on.
    const rows = Array.from({ length: 135_000 }, (_, i) => [i, ...flowers[i % 150]!.slice(1)])
    const file = join(directory, 'large.npy')
    await writeFile(file, npyOf(rows))
    const put = await run(
      ...['put', file, '--key', keys.trainer],
      ...['--algorithm', 'majority', '--part-size', '5', '--watch'],
    )
    expect(put).toMatchObject({ exitCode: 0 })
    expect(put.out).toContain('Registered  ada/large version 0')
  })

  it('predicts, once where a key says so, and takes the true label', async () => {
    const bearer = keys.predictor
    const first = await ask(predictions, { bearer, body: instances })
    expect(first).toMatchObject({ status: 200, body: { version: 0, predictions: [1] } })
    const headers = { 'idempotency-key': randomUUID() }
    const once = await ask(predictions, { bearer, body: instances, headers })
    const again = await ask(predictions, { bearer, body: instances, headers })
    expect(once.body['id']).not.toBe(first.body['id'])
    expect(again).toMatchObject({ status: 200, body: once.body })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const id = encodeURIComponent(first.body['id'] as string)
    const labelled = await ask(`/predictions/${id}/feedback`, { bearer, body: { label: 2 } })
    expect(labelled.status).toBe(200)
    const invoked = await ask('/invocations', { bearer, body: instances })
    expect(invoked).toMatchObject({ status: 200, body: { predictions: [1] } })
  })

  it('predicts a whole dataset', async () => {
    const bearer = keys.owner
    const asked = await ask('/models/ada/iris/batches', { bearer, body: { format: 'csv' } })
    expect(asked.status).toBe(202)
    const batch = `/models/ada/iris/batches/${String(asked.body['batch'])}`
    await succeeded(batch, bearer)
    const { text } = await ask(`${batch}/results`, { bearer })
    expect(text.trim().split('\n')).toHaveLength(151)
  })

  it('refuses who has no key, another one, or one of a role that may not', async () => {
    const unknown = `${keys.owner.slice(0, -1)}${keys.owner.endsWith('A') ? 'B' : 'A'}`
    for (const bearer of [undefined, 'mr_x', unknown]) {
      expect((await ask('/models', { bearer })).status).toBe(403)
      expect((await ask(predictions, { bearer, body: instances })).status).toBe(403)
    }
    expect((await ask('/health')).status).toBe(200)
    const refused = {
      train: await ask('/models/ada/iris', { bearer: keys.predictor, method: 'PUT', body: {} }),
      predict: await ask(predictions, { bearer: keys.reader, body: instances }),
      own: await ask('/models/ada/iris', { bearer: keys.trainer, method: 'DELETE' }),
      operate: await ask('/users', { bearer: keys.owner }),
    }
    for (const [permission, { status, body }] of Object.entries(refused)) {
      expect([permission, status, body['type']]).toEqual([
        permission,
        403,
        problem('PermissionDenied'),
      ])
    }
  })

  it('has nothing of a user for another one', async () => {
    const bearer = keys.bob
    for (const path of ['/models/ada/iris', '/datasets/ada/iris', '/models/ada/none']) {
      expect([path, (await ask(path, { bearer })).status]).toEqual([path, 404])
    }
    expect((await ask(predictions, { bearer, body: instances })).status).toBe(404)
    expect((await ask('/models', { bearer })).body['models']).toEqual([])
    expect((await ask('/executions', { bearer })).body['executions']).toEqual([])
  })

  it('answers 429 to what is beyond a plan, and says when to ask again', async () => {
    const answers: Answer[] = []
    for (let i = 0; i < 4; i++) answers.push(await ask('/models', { bearer: keys.carl }))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429, 429])
    expect(answers[0]!.headers.get('ratelimit-policy')).toBe('"requests";q=2;w=200')
    expect(answers[0]!.headers.get('ratelimit')).toBe('"requests";r=1;t=200')
    const { headers, body } = answers[3]!
    expect(body['type']).toBe(problem('QuotaExceeded'))
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(10)
    expect(headers.get('ratelimit')).toContain('r=0')
  })

  it('counts and prices what was had, for the user and for the operator', async () => {
    const usage = async () => (await ask('/usage', { bearer: keys.reader })).body
    await expect
      .poll(async () => (await usage())['usage'], { timeout: 120_000, interval: 500 })
      // Three requests of a row, and a batch of 150.
      .toMatchObject({ predictions: 153, predictionRequests: 3, feedback: 1, trainings: 2 })
    const priced = await usage()
    expect(priced).toMatchObject({
      plan: 'priced',
      cost: { currency: 'EUR', predictions: 15.3, training: 135.15 },
    })
    const { cost } = await told<{ cost: { predictions: number } }>('usage', '--user', 'ada')
    expect(cost.predictions).toBe(15.3)
    expect(await run('queue')).toMatchObject({ exitCode: 0, out: 'No dead letters.\n' })
  })
})

describe('an API that takes the tokens of a user pool', () => {
  let people: PeopleOfPool
  let tokens: Tokens
  const of = 'TokenApiUrl'
  const grace = `grace-${randomUUID().slice(0, 8)}`
  const signIn = async (
    name: string,
    about: { groups?: string[]; attributes?: Record<string, string> },
    client = 'ClientId',
  ) => people.signIn(await people.add(name, about), outputs[client]!)

  beforeAll(async () => {
    people = new PeopleOfPool(outputs['UserPoolId']!)
    tokens = await signIn(grace, {
      groups: ['millrace-predictor'],
      attributes: { 'custom:millrace_user': 'ada' },
    })
  })

  it('knows the user and the role by the claims of an id token', async () => {
    const bearer = tokens.id
    const asked = await ask(predictions, { of, bearer, body: instances })
    expect(asked).toMatchObject({ status: 200, body: { predictions: [1] } })
    expect((await ask('/models', { of, bearer })).status).toBe(403)
    const bobs = '/models/bob/iris/predictions'
    expect((await ask(bobs, { of, bearer, body: instances })).status).toBe(404)
  })

  it('takes the name for the user where no claim says another, and gives least to no group', async () => {
    const { id } = await signIn(`alone-${randomUUID().slice(0, 8)}`, {})
    const listed = await ask('/models', { of, bearer: id })
    expect(listed).toMatchObject({ status: 200, body: { models: [] } })
    expect((await ask(predictions, { of, bearer: id, body: instances })).status).toBe(403)
    // Access tokens have no attributes: theirs is the name in the pool.
    const own = await ask(predictions, { of, bearer: tokens.access, body: instances })
    expect([own.status, own.body['type']]).toEqual([404, problem('ModelNotFound')])
  })

  it('refuses a token that is none, was altered, is of another client, or is a key', async () => {
    const other = await signIn(`other-${randomUUID().slice(0, 8)}`, {}, 'OtherClientId')
    const [header, payload = '', signature] = tokens.id.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    const altered = Buffer.from(JSON.stringify({ ...claims, 'cognito:username': 'bob' }))
    const forged = [header, altered.toString('base64url'), signature].join('.')
    for (const bearer of [undefined, 'none', forged, other.id, keys.owner]) {
      expect((await ask('/models', { of, bearer })).status).toBe(401)
      expect((await ask(predictions, { of, bearer, body: instances })).status).toBe(401)
    }
    expect((await ask('/health', { of })).status).toBe(200)
  })
})

describe('a key that was revoked, and a token of a user who was removed', () => {
  it('are refused within the time that is stated', async () => {
    const people = new PeopleOfPool(outputs['UserPoolId']!)
    const name = `eve-${randomUUID().slice(0, 8)}`
    const { id } = await people.signIn(await people.add(name, {}), outputs['ClientId']!)
    const made = await told<{ id: string; key: string }>('keys', 'create', 'ada')
    const statuses = async () => [
      (await ask('/models', { bearer: made.key })).status,
      (await ask('/models', { bearer: id, of: 'TokenApiUrl' })).status,
    ]
    expect(await statuses()).toEqual([200, 200])
    expect(await run('keys', 'revoke', 'ada', made.id)).toMatchObject({ exitCode: 0 })
    expect(await run('users', 'add', name)).toMatchObject({ exitCode: 0 })
    expect(await run('users', 'remove', name)).toMatchObject({ exitCode: 0 })
    await expect.poll(statuses, { timeout: 120_000, interval: 500 }).toEqual([403, 401])
  })
})

describe('differences of the emulator', () => {
  it('lets people write attributes that their client may not; AWS refuses it', async () => {
    const people = new PeopleOfPool(outputs['UserPoolId']!)
    const person = await people.add(`mallory-${randomUUID().slice(0, 8)}`, {})
    const tokens = await people.signIn(person, outputs['OtherClientId']!)
    const answer = await people.writeAttribute(tokens, 'custom:millrace_user', 'ada')
    expect(answer).toContain(isEmulator ? 'written' : 'NotAuthorizedException')
  })

  it('lets tokens expire after a second, which are refused then; AWS after five minutes at least', async () => {
    const people = new PeopleOfPool(outputs['UserPoolId']!)
    const client = outputs['ClientId']!
    if (!isEmulator) {
      await expect(people.limitTokens(client, 1)).rejects.toThrow('InvalidParameterException')
      return
    }
    const person = await people.add(`late-${randomUUID().slice(0, 8)}`, {})
    const statusOf = async ({ id }: Tokens) =>
      (await ask('/models', { bearer: id, of: 'TokenApiUrl' })).status
    await people.limitTokens(client, 1)
    const short = await people.signIn(person, client)
    await expect.poll(() => statusOf(short), { timeout: 120_000, interval: 300 }).toBe(401)
    await people.limitTokens(client, 300)
    expect(await statusOf(await people.signIn(person, client))).toBe(200)
  })
})

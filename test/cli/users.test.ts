import { hash } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { formatApiKey, newApiKey } from '../../tasks/api-key.ts'
import { freePlan } from '../../tasks/plans.ts'
import { StubAws } from './stub-aws.ts'
import { interruptible, millrace } from './terminal.ts'

let dataDir: string
let platform: Platform

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-users-'))
  platform = await openPlatform({ dataDir, auth: true, logger: new RecordingLogger() })
})

afterAll(async () => {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
})

beforeEach(() => {
  vi.stubEnv('MILLRACE_KEY', undefined)
  return () => vi.unstubAllEnvs()
})

const run = (...args: string[]) => millrace(...args, '--data-dir', dataDir)
const json = (text: string) => JSON.parse(text) as Record<string, unknown>

describe('millrace users and keys', () => {
  it('work with the operator’s key of the data directory, which they find', async () => {
    expect(await run('users')).toMatchObject({ exitCode: 0, out: 'No users yet.\n' })
    expect(await run('users', 'add', 'ada', '--plan', 'large')).toMatchObject({ exitCode: 6 })
    const file = join(dataDir, 'plan.json')
    await writeFile(file, JSON.stringify(freePlan))
    for (const plan of ['large', 'small']) await run('plans', 'set', plan, file)
    const added = await run('users', 'add', 'ada', '--plan', 'large')
    expect(added).toMatchObject({ exitCode: 0, out: 'Added ada, plan large\n' })
    expect(added.err).toBe(`Make a key with: npx millrace keys create ada --data-dir ${dataDir}\n`)
    expect(await run('users', 'plan', 'ada', 'small')).toMatchObject({
      out: 'ada has the plan small\n',
    })
    expect((await run('users')).out).toMatch(/^USER +PLAN .*\nada +small +2\S+ +-\n$/)
    expect(json((await run('users', 'list', '--json')).out)).toMatchObject({
      users: [{ name: 'ada', plan: 'small', disabledAt: null }],
    })
  })

  it('print a key once, which other commands then take, and revoke it', async () => {
    await run('users', 'add', 'bob')
    const made = await run('keys', 'create', 'bob', '--role', 'reader', '--label', 'my laptop')
    const key = made.out.trim()
    expect(key).toMatch(/^mr_[0-9a-f]{16}_[\w-]{43}$/)
    expect(made.err).not.toContain(key)
    const id = key.split('_')[1]!
    expect((await run('keys', 'list', 'bob')).out).toMatch(
      new RegExp(`^KEY .*\\n${id} +reader +my laptop +…${key.slice(-4)} +2\\S+ +-\\n$`),
    )
    expect(await run('models', '--key', key)).toMatchObject({ exitCode: 0 })
    vi.stubEnv('MILLRACE_KEY', key)
    const refused = await run('users')
    expect(refused).toMatchObject({ exitCode: 7 })
    expect(refused.err).toContain('PermissionDenied')
    vi.stubEnv('MILLRACE_KEY', undefined)
    expect(await run('keys', 'revoke', 'bob', id)).toMatchObject({ out: `Revoked ${id} of bob\n` })
    const { keys } = json((await run('keys', 'list', 'bob', '--json')).out)
    expect(keys).toMatchObject([{ id, revokedAt: expect.any(String) as string }])
    expect(await run('users', 'remove', 'bob')).toMatchObject({ out: 'Removed bob\n' })
  })

  it('say what was found and leave exit codes that tell failures apart', async () => {
    await run('users', 'add', 'eve')
    expect(await run('users', 'add', 'eve')).toMatchObject({ exitCode: 7 })
    expect(await run('users', 'remove', 'nobody')).toMatchObject({ exitCode: 6 })
    expect(await run('keys', 'list', 'nobody')).toMatchObject({ exitCode: 6 })
    expect(await run('keys', 'revoke', 'eve', '0'.repeat(16))).toMatchObject({ exitCode: 6 })
    expect(await run('keys', 'create', 'eve', '--role', 'root')).toMatchObject({ exitCode: 2 })
    expect(await run('users', 'bogus')).toMatchObject({ exitCode: 2 })
    const typo = await run('models', '--key', 'mr_typo')
    expect(typo).toMatchObject({ exitCode: 2 })
    expect(typo.err).toContain('is no key')
    expect(typo.err).not.toContain('mr_typo')
    const unknown = await run('models', '--key', formatApiKey(newApiKey()))
    expect(unknown).toMatchObject({ exitCode: 7 })
    expect(unknown.err).toContain('Unauthenticated')
    expect(await millrace('users', '--data-dir', join(dataDir, 'none'))).toMatchObject({
      exitCode: 3,
    })
  })

  it('help, with examples', async () => {
    for (const command of ['users', 'keys', 'users add', 'users plan', 'users remove']) {
      const { exitCode, out } = await millrace(...command.split(' '), '--help')
      expect(exitCode).toBe(0)
      expect(out).toMatch(new RegExp(`Examples?:\\n +\\$ millrace ${command}`))
    }
  })
})

describe('millrace dev', () => {
  it('takes no address that others reach without --auth, and says so', async () => {
    const other = join(dataDir, 'open')
    const dev = await millrace('dev', '--data-dir', other, '--port', '0', '--host', '0.0.0.0')
    expect(dev).toMatchObject({ exitCode: 2 })
    expect(dev.err).toContain('--auth')
    await expect(stat(other)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('asks for keys with --auth, and says where its own is', async () => {
    const other = join(dataDir, 'closed')
    const interrupt = new AbortController()
    const args = ['dev', '--data-dir', other, '--port', '0', '--auth', '--host', '0.0.0.0']
    const dev = interruptible(args, interrupt.signal)
    const ready = async () => (await millrace('models', '--data-dir', other)).exitCode
    await expect.poll(ready).toBe(0)
    const { url } = json(await readFile(join(other, 'platform.json'), 'utf8'))
    expect((await fetch(`${String(url)}/models`)).status).toBe(401)
    interrupt.abort()
    expect((await dev).err).toContain(`its key:      ${join(other, 'operator.key')}`)
  })
})

describe('with --stack', () => {
  const aws = new StubAws()

  beforeAll(async () => {
    await aws.open()
    aws.stacks.set('Trial', {
      status: 'CREATE_COMPLETE',
      outputs: {
        ApiUrl: 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com',
        BucketName: 'bucket-1',
        TableName: 'table-1',
      },
    })
  })

  afterAll(() => aws.close())

  beforeEach(() => {
    vi.stubEnv('AWS_PROFILE', undefined)
    vi.stubEnv('AWS_REGION', undefined)
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
    aws.seen.length = 0
  })

  const stack = (...args: string[]) => millrace(...args, '--stack', 'Trial', '--endpoint', aws.url)
  const tableRequests = () =>
    aws.seen.flatMap(({ headers, body }) => {
      const [, action] = /^DynamoDB_\d+\.(\w+)$/.exec(String(headers['x-amz-target'])) ?? []
      return action === undefined ? [] : [{ action, body: json(body.toString()) }]
    })
  const found = (value: unknown) => ({
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: JSON.stringify(value),
  })

  it('users are read and written in its table, by the AWS credentials', async () => {
    aws.answer = () => found({ Items: [] })
    expect(await stack('users')).toMatchObject({ exitCode: 0, out: 'No users yet.\n' })
    expect(await stack('users', 'add', 'ada')).toMatchObject({ exitCode: 0 })
    expect(tableRequests()).toMatchObject([
      { action: 'Query', body: { TableName: 'table-1' } },
      { action: 'GetItem', body: { Key: { pk: { S: 'plans' } } } },
      { action: 'PutItem', body: { TableName: 'table-1', Item: { sk: { S: 'ada' } } } },
    ])
    expect(aws.seen.some(({ url }) => url.includes('execute-api'))).toBe(false)
  })

  it('dead letters are those of its queue, by the AWS credentials', async () => {
    const trial = aws.stacks.get('Trial')!
    const queues = { QueueUrl: `${aws.url}/1/q`, DeadLetterQueueUrl: `${aws.url}/1/dead` }
    aws.stacks.set('Queued', { ...trial, outputs: { ...trial.outputs, ...queues } })
    const dead = {
      MessageId: 'm-1',
      ReceiptHandle: 'handle-1',
      Body: '{"note":"one"}',
      MD5OfBody: hash('md5', '{"note":"one"}'),
      Attributes: { ApproximateReceiveCount: '6', SentTimestamp: '1795300000000' },
    }
    let receives = 0
    aws.answer = ({ headers }) =>
      found(
        /ReceiveMessage$/.test(String(headers['x-amz-target'])) && ++receives % 2 === 1
          ? { Messages: [dead] }
          : {},
      )
    const queue = (...args: string[]) =>
      millrace('queue', ...args, '--stack', 'Queued', '--endpoint', aws.url)
    expect(await queue()).toMatchObject({
      out: expect.stringContaining('{"note":"one"}') as string,
    })
    receives = 0
    expect(await queue('--remove', 'm-1')).toMatchObject({ exitCode: 0, out: 'Removed m-1\n' })
    const deletes = aws.seen.filter(({ headers }) =>
      /DeleteMessage$/.test(String(headers['x-amz-target'])),
    )
    expect(deletes.map(({ body }) => json(body.toString()))).toEqual([
      { QueueUrl: queues.DeadLetterQueueUrl, ReceiptHandle: 'handle-1' },
    ])
    expect(aws.seen.some(({ url }) => url.includes('execute-api'))).toBe(false)
    expect(await stack('queue')).toMatchObject({ exitCode: 3 })
  })

  it('usage is what its table and bucket say, by the AWS credentials', async () => {
    aws.answer = ({ url }) =>
      url.includes('versions') || url.includes('list-type')
        ? { body: '<ListVersionsResult></ListVersionsResult>' }
        : found({})
    const { exitCode, out } = await stack('usage', '--user', 'ada', '--json')
    expect([exitCode, json(out)]).toMatchObject([0, { user: 'ada', usage: { predictions: 0 } }])
    expect(tableRequests().map(({ action }) => action)).toContain('GetItem')
    expect(aws.seen.some(({ url }) => url.includes('execute-api'))).toBe(false)
    aws.answer = () => ({
      status: 400,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: '{"__type":"AccessDeniedException","message":"not yours"}',
    })
    const refused = await stack('usage', '--user', 'ada')
    expect([refused.exitCode, refused.err]).toEqual([1, expect.stringContaining('AccessRefused')])
  })

  it('a key is sent in place of a signature, also for users', async () => {
    const key = formatApiKey(newApiKey())
    aws.answer = () => found({ models: [], keys: [] })
    expect(await stack('models', '--key', key)).toMatchObject({ exitCode: 0 })
    expect(await stack('keys', 'list', 'ada', '--key', key)).toMatchObject({ exitCode: 0 })
    const asked = aws.seen.filter(({ url }) => url.includes('execute-api'))
    expect(asked.map(({ url }) => url.split('$default')[1])).toEqual([
      '/models?limit=100',
      '/users/ada/keys?limit=100',
    ])
    for (const { headers } of asked) {
      expect(headers['authorization']).toBe(`Bearer ${key}`)
      expect(headers).not.toHaveProperty('x-amz-date')
    }
  })

  it('what is suggested for it has no key in it', async () => {
    const key = formatApiKey(newApiKey())
    aws.answer = () => found({ name: 'ada', plan: 'default' })
    const { err } = await stack('users', 'add', 'ada', '--key', key)
    expect(err).toContain('--stack Trial')
    expect(err).not.toContain(key)
  })
})

describe('the operator’s key', () => {
  const other = (name: string) => join(dataDir, name)
  const open = async (directory: string, logger = new RecordingLogger()) => {
    await (await openPlatform({ dataDir: directory, auth: true, logger })).close()
    return readFile(join(directory, 'operator.key'), 'utf8')
  }

  it('is made once, for its owner alone', async () => {
    const first = await open(other('made'))
    expect(first).toMatch(/^mr_operator_[\w-]{43}\n$/)
    expect((await stat(join(other('made'), 'operator.key'))).mode & 0o777).toBe(0o600)
    expect(await open(other('made'))).toBe(first)
  })

  it('that others can read is told', async () => {
    await open(other('shared'))
    await chmod(join(other('shared'), 'operator.key'), 0o644)
    const logger = new RecordingLogger()
    await open(other('shared'), logger)
    expect(logger.lines.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('chmod 600'),
    )
  })

  it('is not made anew where there is a file without one', async () => {
    await open(other('damaged'))
    await writeFile(join(other('damaged'), 'operator.key'), 'mr_operator_')
    await expect(open(other('damaged'))).rejects.toMatchObject({ name: 'DataDirectoryInvalid' })
  })

  it('is not there without auth', async () => {
    const directory = other('plain')
    await (await openPlatform({ dataDir: directory, logger: new RecordingLogger() })).close()
    await expect(stat(join(directory, 'operator.key'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('a platform with auth', () => {
  it('refuses every route without a key, also the short way to predictions', async () => {
    for (const [method, path] of [
      ['GET', '/models'],
      ['GET', '/users'],
      ['POST', '/prediction'],
      ['POST', '/models/ada/iris/predictions'],
    ] as const) {
      const response = await fetch(platform.url + path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: '{}' } : {}),
      })
      expect([path, response.status]).toEqual([path, 401])
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
    }
    expect((await fetch(`${platform.url}/health`)).status).toBe(200)
  })
})

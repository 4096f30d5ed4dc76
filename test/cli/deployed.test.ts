import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { irisNpy } from '../fixtures/iris.ts'
import { StubAws, type SeenRequest } from './stub-aws.ts'
import { answered, millrace } from './terminal.ts'

const aws = new StubAws()
let directory: string

const outputs = {
  ApiUrl: 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com',
  BucketName: 'bucket-1',
  TableName: 'table-1',
}

beforeAll(async () => {
  await aws.open()
  directory = await mkdtemp(join(tmpdir(), 'millrace-deployed-'))
})

afterAll(async () => {
  await aws.close()
  await rm(directory, { recursive: true, force: true })
})

beforeEach(() => {
  for (const name of ['MILLRACE_STACK', 'AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_DEFAULT_REGION']) {
    vi.stubEnv(name, undefined)
  }
  vi.stubEnv('AWS_PROFILE', undefined)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  vi.stubEnv('AWS_SESSION_TOKEN', undefined)
  aws.seen.length = 0
  aws.stacks.clear()
  aws.stacks.set('Trial', { status: 'CREATE_COMPLETE', outputs })
  aws.answer = () => json({ models: [], executions: [] })
  return () => vi.unstubAllEnvs()
})

const json = (value: unknown, status = 200) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
})
const stack = (...args: string[]) => millrace(...args, '--stack', 'Trial', '--endpoint', aws.url)
const apiRequests = () => aws.seen.filter(({ url }) => url.startsWith('/_aws/execute-api/'))
const below = '/_aws/execute-api/a1b2c3d4e5/$default'

describe('a command with --stack', () => {
  it('asks the API that the outputs name, below the endpoint, signed for API Gateway', async () => {
    vi.stubEnv('AWS_SESSION_TOKEN', 'token-1')
    expect(await stack('models')).toMatchObject({ exitCode: 0 })
    const [request] = apiRequests()
    expect(request).toMatchObject({ method: 'GET', url: `${below}/models?limit=100` })
    expect(request!.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/execute-api\/aws4_request, SignedHeaders=[\w;-]*host[\w;-]*, Signature=[0-9a-f]{64}$/,
    )
    expect(request!.headers['x-amz-security-token']).toBe('token-1')
    expect(request!.headers['x-amz-date']).toMatch(/^\d{8}T\d{6}Z$/)
  })

  it('takes stack, endpoint and region from the environment too', async () => {
    vi.stubEnv('MILLRACE_STACK', 'Trial')
    vi.stubEnv('AWS_ENDPOINT_URL', aws.url.replace('127.0.0.1', 'localhost'))
    vi.stubEnv('AWS_REGION', 'eu-west-1')
    const { exitCode, out } = await millrace('models')
    expect(exitCode).toBe(0)
    expect(out).toBe('No models yet. Upload a file with: npx millrace put <file>\n')
    expect(apiRequests()[0]!.headers['authorization']).toContain('/eu-west-1/execute-api/')
  })

  it('talks to a data directory that is named, whatever stack the environment has', async () => {
    vi.stubEnv('MILLRACE_STACK', 'Trial')
    vi.stubEnv('AWS_ENDPOINT_URL', aws.url)
    expect(await millrace('models', '--data-dir', directory)).toMatchObject({ exitCode: 3 })
    expect(aws.seen).toEqual([])
  })

  it('takes an empty environment for none', async () => {
    vi.stubEnv('MILLRACE_STACK', '')
    vi.stubEnv('AWS_ENDPOINT_URL', '')
    vi.stubEnv('MILLRACE_DATA_DIR', directory)
    expect(await millrace('models')).toMatchObject({ exitCode: 3 })
    expect((await stack('models')).exitCode).toBe(0)
  })

  it('needs no credentials for an emulator on this machine, and never a real one there', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined)
    expect((await stack('models')).exitCode).toBe(0)
    expect(apiRequests()[0]!.headers['authorization']).toContain('Credential=test/')
  })

  it('uploads by the presigned URL, unsigned and whole, then suggests commands for the stack', async () => {
    const file = join(directory, 'iris.npy')
    const bytes = irisNpy()
    await writeFile(file, bytes)
    let puts = 0
    aws.answer = ({ method, url }) => {
      if (url === `${below}/datasets/ada/iris/uploads`) {
        return json({
          key: 'uploads/ada/iris.npy',
          url: `${aws.url}/bucket-1/uploads/ada/iris.npy?X-Amz-Signature=0`,
          method: 'PUT',
          headers: { 'x-amz-meta-configuration': '{}' },
          expiresAt: '2030-01-01T00:00:00.000Z',
        })
      }
      if (method === 'PUT') {
        puts += 1
        return { headers: { 'x-amz-version-id': 'v1' } }
      }
      return json({ execution: 'ada-iris-1', status: 'RUNNING', outcome: null })
    }
    const put = await stack('put', file, '--user', 'ada')
    expect(put).toMatchObject({ exitCode: 0, out: 'uploads/ada/iris.npy → execution ada-iris-1\n' })
    expect(put.err).toBe(
      `Follow it with: npx millrace execution ada-iris-1 --watch --stack Trial --endpoint ${aws.url}\n`,
    )
    expect(puts).toBe(1)
    const sent = aws.seen.find(({ method }) => method === 'PUT')!
    expect(sent.url).toBe('/bucket-1/uploads/ada/iris.npy?X-Amz-Signature=0')
    expect(sent.headers['authorization']).toBeUndefined()
    expect(sent.headers['x-amz-meta-configuration']).toBe('{}')
    // S3 takes no body of an unknown length.
    expect(sent.headers['content-length']).toBe(String(bytes.length))
    expect(sent.headers['transfer-encoding']).toBeUndefined()
    expect(sent.body.equals(bytes)).toBe(true)
    const delivery = apiRequests().find(({ url }) => url.includes('/uploads/delivery'))!
    expect(delivery.url).toContain('versionId=v1')
  })

  it('follows an execution by requests that wait, for less than API Gateway does', async () => {
    const event = (id: number, type: string) => ({
      id,
      previousEventId: id - 1,
      type,
      timestamp: '2026-01-01T00:00:00.000Z',
      details: {},
    })
    const pages = [
      { status: 'RUNNING', events: [event(1, 'ExecutionStarted')] },
      { status: 'RUNNING', events: [] },
      { status: 'SUCCEEDED', events: [event(2, 'ExecutionSucceeded')] },
      { status: 'SUCCEEDED', events: [] },
    ]
    aws.answer = ({ url }) =>
      url.includes('/events')
        ? json(pages.shift())
        : json({
            name: 'x',
            workflow: 'training',
            status: 'SUCCEEDED',
            output: { outcome: 'rejected' },
          })
    expect(await stack('execution', 'x', '--watch')).toMatchObject({ exitCode: 4 })
    const asked = apiRequests().filter(({ url }) => url.includes('/events'))
    expect(asked.map(({ url }) => new URLSearchParams(url.split('?')[1]).get('after'))).toEqual([
      '0',
      '1',
      '1',
      '2',
    ])
    const waits = asked.map(({ url }) => Number(new URLSearchParams(url.split('?')[1]).get('wait')))
    expect(Math.max(...waits)).toBeLessThan(30)
    expect(Math.min(...waits)).toBeGreaterThan(1)
  })

  it('asks again what the gateway turned away, but never twice for what it wrote', async () => {
    let turns = 2
    aws.answer = () =>
      turns-- > 0 ? json({ message: 'Service Unavailable' }, 503) : json({ models: [] })
    expect((await stack('models')).exitCode).toBe(0)
    expect(apiRequests()).toHaveLength(3)
    aws.seen.length = 0
    aws.answer = () => json({ message: 'Service Unavailable' }, 503)
    const asked = await stack('predict', 'ada/iris', '1,2')
    expect(asked).toMatchObject({ exitCode: 1 })
    expect(apiRequests()).toHaveLength(1)
  })

  it('says what the platform said, and what a refused signature needs', async () => {
    aws.answer = () =>
      json(
        { type: 'urn:millrace:error:ModelNotFound', title: '', status: 404, detail: 'none' },
        404,
      )
    const none = await stack('models', 'ada/none')
    expect(none).toMatchObject({ exitCode: 6 })
    expect(none.err).toContain(`npx millrace models --stack Trial --endpoint ${aws.url} lists them`)
    aws.answer = () => json({ message: 'Forbidden' }, 403)
    const refused = await stack('models')
    expect(refused).toMatchObject({ exitCode: 1 })
    expect(refused.err).toMatch(/AccessRefused: .*403.*Forbidden.*execute-api:Invoke/)
  })

  it('tells stacks that are not there, not ours or not done apart', async () => {
    const at = (name: string) => millrace('models', '--stack', name, '--endpoint', aws.url)
    const none = await at('None')
    expect(none).toMatchObject({ exitCode: 3 })
    expect(none.err).toContain(
      `there is no stack None at ${aws.url}; deploy one with: npx millrace deploy --stack None --endpoint ${aws.url}`,
    )
    aws.stacks.set('Other', { status: 'UPDATE_COMPLETE', outputs: { WebsiteUrl: 'https://x' } })
    const other = await at('Other')
    expect(other).toMatchObject({ exitCode: 3 })
    expect(other.err).toContain("the stack Other is not Millrace's: its outputs are WebsiteUrl")
    aws.stacks.set('Young', { status: 'CREATE_IN_PROGRESS', outputs: {} })
    expect((await at('Young')).err).toContain('the stack Young is in the state CREATE_IN_PROGRESS')
    expect(apiRequests()).toEqual([])
  })

  it('says when nothing answers, at the endpoint or behind the outputs', async () => {
    const nowhere = await millrace('models', '--stack', 'Trial', '--endpoint', 'http://127.0.0.1:1')
    expect(nowhere).toMatchObject({ exitCode: 3 })
    expect(nowhere.err).toContain('nothing answers at http://127.0.0.1:1 (ECONNREFUSED)')
    aws.stacks.set('Trial', {
      status: 'CREATE_COMPLETE',
      outputs: { ...outputs, ApiUrl: 'http://127.0.0.1:1/api' },
    })
    const gone = await stack('models')
    expect(gone).toMatchObject({ exitCode: 3 })
    expect(gone.err).toContain(
      'the API of the stack Trial does not answer at http://127.0.0.1:1/api',
    )
  })

  it('says what is missing to reach AWS', async () => {
    vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'none'))
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(directory, 'none'))
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined)
    const regionless = await millrace('models', '--stack', 'Trial')
    expect(regionless.err).toContain('no AWS region: give --region, or set AWS_REGION')
    const nobody = await millrace('models', '--stack', 'Trial', '--region', 'eu-west-1')
    expect(nobody).toMatchObject({ exitCode: 1 })
    expect(nobody.err).toContain('no AWS credentials were found: give --profile')
  })

  it('refuses command lines that say two things, or half of one', async () => {
    const both = await stack('models', '--data-dir', directory)
    expect(both).toMatchObject({ exitCode: 2 })
    expect(both.err).toContain('--stack and --data-dir name two platforms')
    const half = await millrace('models', '--endpoint', aws.url)
    expect(half).toMatchObject({ exitCode: 2 })
    expect(half.err).toContain('--endpoint says where a stack is: give its name too')
    for (const bad of ['ftp://x', 'nonsense', 'javascript:1']) {
      const { exitCode, err } = await millrace('models', '--stack', 'Trial', '--endpoint', bad)
      expect({ exitCode, err }).toMatchObject({
        exitCode: 2,
        err: expect.stringContaining(bad) as string,
      })
    }
    expect(await millrace('models', '--stack', '../x')).toMatchObject({ exitCode: 2 })
    expect(aws.seen).toEqual([])
  })
})

describe('millrace destroy', () => {
  const resources = {
    Bucket: ['AWS::S3::Bucket', 'bucket-1'],
    Table: ['AWS::DynamoDB::Table', 'table-1'],
    Train: ['AWS::Lambda::Function', 'train-1'],
    TrainVersion: ['AWS::Lambda::Version', 'train-1:1'],
  } as const
  const policies = (data: string) => ({
    Resources: {
      Bucket: { DeletionPolicy: data },
      Table: { DeletionPolicy: data },
      TrainVersion: { DeletionPolicy: 'Retain' },
      Train: {},
    },
  })
  const at = () => ['destroy', '--stack', 'Trial', '--endpoint', aws.url]
  const deletes = () => aws.actions.filter((action) => action === 'DeleteStack')
  const deploy = (data: 'Retain' | 'Delete') =>
    aws.stacks.set('Trial', {
      status: 'CREATE_COMPLETE',
      outputs,
      resources,
      template: policies(data),
    })
  const dataRequests = (): SeenRequest[] =>
    aws.seen.filter(
      ({ method, headers, url }) =>
        method !== 'GET' && (url !== '/' || 'x-amz-target' in headers) && !url.startsWith('/_aws'),
    )

  beforeEach(() => {
    deploy('Retain')
  })

  it('asks nobody who is not there', async () => {
    const { exitCode, err } = await millrace(...at())
    expect(exitCode).toBe(7)
    expect(err).toContain('--yes')
    expect(aws.seen).toEqual([])
  })

  it('goes on only for the name of the stack, typed', async () => {
    for (const answer of ['', 'y', 'yes', 'trial', 'Trial2']) {
      const { exitCode, err } = await answered(answer, ...at())
      expect(exitCode).toBe(7)
      expect(err).toContain('nothing was removed')
    }
    expect(deletes()).toEqual([])
    const { exitCode, out } = await answered('Trial', ...at())
    expect({ exitCode, deletes: deletes() }).toEqual({ exitCode: 0, deletes: ['DeleteStack'] })
    expect(out).toContain('Removed Trial')
  })

  it('tells what goes and what stays before it asks', async () => {
    const { err } = await answered('no', ...at())
    expect(err).toMatch(/To remove +Trial, 2 resources: 1 Lambda::Function, 1 Lambda::Version/)
    expect(err).toMatch(/Kept +S3::Bucket bucket-1/)
    expect(err).toMatch(/Kept +DynamoDB::Table table-1/)
    expect(err.indexOf('Kept')).toBeLessThan(err.indexOf('Type Trial to go on'))
    const kept = await millrace(...at(), '--yes', '--json')
    expect(JSON.parse(kept.out)).toEqual({
      stack: 'Trial',
      removed: 2,
      kept: [
        { type: 'AWS::S3::Bucket', id: 'bucket-1' },
        { type: 'AWS::DynamoDB::Table', id: 'table-1' },
      ],
    })
    expect(dataRequests()).toEqual([])
  })

  it('takes no data with it unless told, whatever the stack was deployed as', async () => {
    deploy('Delete')
    const { exitCode, err } = await millrace(...at(), '--yes')
    expect(exitCode).toBe(7)
    expect(err).toMatch(/bucket-1, DynamoDB::Table table-1.*--delete-data/)
    expect(deletes()).toEqual([])
  })

  it('removes the data that the stack leaves after it, and only then', async () => {
    const pages = [
      '<Version><Key>a</Key><VersionId>1</VersionId></Version><DeleteMarker><Key>a</Key><VersionId>2</VersionId></DeleteMarker>',
      '',
    ]
    aws.answer = ({ method, url }) => {
      if (method === 'GET' && url.includes('versions')) {
        return { body: `<ListVersionsResult>${pages.shift()}</ListVersionsResult>` }
      }
      if (method === 'GET')
        return { body: '<ListMultipartUploadsResult></ListMultipartUploadsResult>' }
      if (method === 'DELETE') return { status: 204 }
      return url === '/' ? json({}) : { body: '<DeleteResult></DeleteResult>' }
    }
    const { exitCode, err } = await millrace(...at(), '--delete-data', '--yes')
    expect(exitCode).toBe(0)
    expect(err).toMatch(/Data lost +S3::Bucket bucket-1, with all it holds/)
    expect(err).toContain('EMPTIED  bucket-1, 2 object versions')
    const [emptied, bucket, table] = dataRequests()
    expect(emptied!.body.toString()).toMatch(/<VersionId>1<.*<VersionId>2</)
    expect(bucket).toMatchObject({ method: 'DELETE' })
    expect(bucket!.url).toMatch(/^\/bucket-1/)
    expect(table!.headers['x-amz-target']).toMatch(/DeleteTable$/)
    const removal = aws.seen.findIndex(({ body }) => body.includes('DeleteStack'))
    expect(aws.seen.indexOf(emptied!)).toBeGreaterThan(removal)
  })

  it('removes nothing of a stack that is not ours', async () => {
    aws.stacks.set('Trial', { status: 'CREATE_COMPLETE', outputs: {}, resources })
    expect(await millrace(...at(), '--yes')).toMatchObject({ exitCode: 3 })
    expect(deletes()).toEqual([])
  })
})

describe('millrace deploy', () => {
  it('asks nobody who is not there before it changes an account', async () => {
    const { exitCode, err } = await millrace('deploy', '--region', 'eu-west-1')
    expect(exitCode).toBe(7)
    expect(err).toContain('give --yes')
  })

  it("takes over no other program's stack", async () => {
    aws.stacks.set('Shop', { status: 'UPDATE_COMPLETE', outputs: { WebsiteUrl: 'https://x' } })
    const { exitCode, err } = await millrace('deploy', '--stack', 'Shop', '--endpoint', aws.url)
    expect(exitCode).toBe(7)
    expect(err).toContain("the stack Shop is not Millrace's")
    expect(aws.actions).toEqual(['DescribeStacks'])
  })

  it('refuses settings that are none', async () => {
    for (const context of ['removalPolicy', '=x', 'stackName=Other']) {
      expect(await millrace('deploy', '--context', context)).toMatchObject({ exitCode: 2 })
    }
  })
})

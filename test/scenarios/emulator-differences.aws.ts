import { randomUUID } from 'node:crypto'
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { DescribeMapRunCommand, ListMapRunsCommand, SFNClient } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { signedFetch } from '../../cli/aws/signed-fetch.ts'
import type { ExecutionEvent } from '../../platform/ports/index.ts'
import { deployed } from '../aws/deployed.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { clientOptions, isEmulator } from '../platform/aws/endpoint.ts'
import { openDeployed } from './deployed.ts'
import { ended } from './history.ts'
import type { ScenarioPlatform } from './platform.ts'

let platform: ScenarioPlatform
beforeAll(async () => {
  platform = await openDeployed()
})
afterAll(() => platform.close())

it('a request that nobody signed is refused with 403', async () => {
  const { apiUrl } = await deployed()
  expect((await fetch(`${apiUrl}/models`)).status).toBe(403)
})

describe('differences of the emulator', () => {
  it('answers whoever signed a request; AWS refuses with 403 who may not invoke', async () => {
    const { apiUrl } = await deployed()
    const stranger = { accessKeyId: 'AKIDSTRANGER', secretAccessKey: 'of nobody' }
    const send = await signedFetch({
      region: clientOptions.region,
      credentials: async () => stranger,
    })
    const { status } = await send(new URL(`${apiUrl}/models`), {})
    expect(status).toBe(isEmulator ? 200 : 403)
  })

  it('tells an ApiUrl below localhost; AWS tells one below amazonaws.com', async () => {
    const { outputs } = await deployed()
    expect(new URL(outputs['ApiUrl']!).hostname).toMatch(
      isEmulator
        ? /^[a-z0-9]+\.execute-api\.localhost$/
        : /^[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/,
    )
  })

  it('leaves the version id out of events of S3; AWS has it', async () => {
    const key = `uploads/differences-${randomUUID().slice(0, 8)}/none.npy`
    const { versionId } = await platform.put(key, Buffer.from('no array'))
    const delivered = `/uploads/delivery?${new URLSearchParams({ key, versionId }).toString()}`
    await expect.poll(async () => (await platform.fetch(delivered)).status).toBe(200)
    const { execution } = (await (await platform.fetch(delivered)).json()) as { execution: string }
    const { input } = await platform.executions.describe('training', execution)
    const { detail } = input as { detail: { object: Record<string, unknown> } }
    expect(detail.object['version-id']).toBe(isEmulator ? undefined : versionId)
  })

  it('calls each error of a function Runtime.HandlerError; AWS calls it by its name', async () => {
    const name = `differences-${randomUUID()}`
    await platform.executions.start({ workflow: 'training', name, input: { no: 'event' } })
    const { history } = await ended(platform.executions, name)
    const failed = history.filter(({ type }) => type === 'TaskFailed').map(errorOf)
    expect(new Set(failed)).toEqual(
      new Set([isEmulator ? 'Runtime.HandlerError' : 'TaskInputInvalid']),
    )
  })
})

describe('differences of the emulator in a distributed Map', () => {
  const model = `differences-${randomUUID().slice(0, 8)}/iris`
  const name = `differences-${randomUUID()}`

  beforeAll(async () => {
    const configuration = '{"algorithms":["majority"]}'
    await platform.put(`uploads/${model}.npy`, irisNpy(), { configuration })
    const champion = () => platform.fetch(`/models/${model}/aliases/champion`)
    await vi.waitUntil(async () => (await champion()).ok, patience)
    const input = { model, rangeRows: 50, concurrency: 2, toleratedFailures: 1 }
    await platform.executions.start({ workflow: 'batch', name, input })
    const found = () => platform.executions.describe('batch', name)
    await vi.waitUntil(async () => (await found()).status !== 'RUNNING', patience)
    expect(await found()).toMatchObject({ status: 'SUCCEEDED' })
  })

  it('knows no bounds that a path leads to: it starts 64 at once and tolerates no failure', async () => {
    const client = new SFNClient(clientOptions)
    const { outputs } = await deployed()
    const machine = outputs['TrainingStateMachineArn']!.replace(/training$/, 'batch')
    const executionArn = `${machine.replace(':stateMachine:', ':execution:')}:${name}`
    const { mapRuns } = await client.send(new ListMapRunsCommand({ executionArn }))
    expect(mapRuns).toHaveLength(1)
    const { mapRunArn } = mapRuns![0]!
    expect(await client.send(new DescribeMapRunCommand({ mapRunArn }))).toMatchObject({
      status: 'SUCCEEDED',
      itemCounts: { total: 3, succeeded: 3 },
      maxConcurrency: isEmulator ? 0 : 2,
      toleratedFailureCount: isEmulator ? 0 : 1,
    })
  })

  it('writes no results of children; AWS writes files of them, and a manifest', async () => {
    const { outputs } = await deployed()
    const client = new S3Client({ ...clientOptions, forcePathStyle: true })
    const { Contents = [] } = await client.send(
      new ListObjectsV2Command({
        Bucket: outputs['BucketName'],
        Prefix: `batches/${model}/${name}/map-runs/`,
      }),
    )
    const files = Contents.map(({ Key }) => Key!.split('/').at(-1)!).sort()
    expect(files.filter((file) => file.endsWith('.json'))).toEqual(
      isEmulator ? [] : ['SUCCEEDED_0.json', 'manifest.json'],
    )
  })
})

const patience = { timeout: 110_000, interval: 200 }

function errorOf({ details }: ExecutionEvent): unknown {
  return details['error']
}

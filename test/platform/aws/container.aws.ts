import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { containerVariables, exitCodes } from '../../../platform/aws/container.ts'
import { S3Objects } from '../../../platform/aws/objects.ts'
import { settingsVariables } from '../../../platform/aws/settings.ts'
import { memoryPorts, runTask } from '../../../platform/testing/index.ts'
import { sha256 } from '../../../tasks/digest.ts'
import type { TrainedCandidate } from '../../../tasks/shapes.ts'
import { train } from '../../../tasks/train.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import { clientOptions, endpoint } from './endpoint.ts'

const s3 = new S3Client({ ...clientOptions, forcePathStyle: true })
const bucket = `training-${randomUUID().slice(0, 13)}`
const objects = new S3Objects({ client: s3, bucket })
const program = join(import.meta.dirname, '../../../platform/aws/containers/training.ts')

beforeAll(async () => {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  const VersioningConfiguration = { Status: 'Enabled' } as const
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }))
})

afterAll(async () => {
  const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }))
  for (const { Key, VersionId } of Versions) {
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }))
  }
  await s3.send(new DeleteBucketCommand({ Bucket: bucket }))
  s3.destroy()
})

/** What is to be learned of an upload with this name. */
async function asked(dataset: string) {
  const key = `uploads/ada/${dataset}.npy`
  const bytes = irisNpy()
  const { versionId, size } = await objects.put(key, bytes)
  const claim = {
    model: { user: 'ada', dataset },
    format: 'npy',
    source: { bucket, key, versionId, size, sha256: sha256(bytes) },
    sequencer: '01',
    sidecar: null,
    trainingId: 'a1b2c3',
    execution: 'execution',
  }
  return { claim, algorithm: 'logistic-regression' }
}

/** Runs the program as a container does; its exit code and the lines of its log. */
async function runProgram(input: unknown) {
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: clientOptions.region,
    AWS_ACCESS_KEY_ID: clientOptions.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: clientOptions.credentials.secretAccessKey,
    [settingsVariables.bucket]: bucket,
    [settingsVariables.table]: 'none',
    [settingsVariables.queueUrl]: `${endpoint}/none`,
    [settingsVariables.deadLetterQueueUrl]: `${endpoint}/none`,
    [settingsVariables.eventBus]: 'none',
    [settingsVariables.stateMachines]: '{}',
    [containerVariables.task]: 'Train',
    [containerVariables.input]: JSON.stringify(input),
  }
  const ended = await promisify(execFile)(process.execPath, [program], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
  const lines = `${ended.stdout}${ended.stderr}`.split('\n').filter((line) => line.startsWith('{'))
  const read = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { code: ended.code, lines: read.filter(({ message }) => message !== undefined) }
}

describe('the container of trainings', () => {
  it('learns and keeps its answer, which the function finds', async () => {
    const input = await asked('iris')
    const { code, lines } = await runProgram(input)
    expect([code, lines.map(({ message }) => message)]).toEqual([
      exitCodes.done,
      ['task started', 'task ended'],
    ])
    expect(lines[1]).toMatchObject({ task: 'Train', outcome: 'trained', execution: 'execution' })

    const ports = { ...memoryPorts(), objects }
    const found = (await runTask(train, input, ports)) as TrainedCandidate & { outcome: 'trained' }
    expect(ports.metrics.recorded).toEqual([])
    const { key, versionId, sha256: digest } = found.artifact
    expect(sha256(await objects.read(key, { versionId }))).toBe(digest)
  })

  it('learns once, however often and together it is started', async () => {
    const input = await asked('twice')
    const together = await Promise.all([runProgram(input), runProgram(input)])
    expect(together.map(({ code }) => code)).toEqual([exitCodes.done, exitCodes.done])
    const record = 'models/ada/twice/a1b2c3/logistic-regression.json'
    expect(await objects.versions(record)).toHaveLength(1)
    const { artifact } = JSON.parse(new TextDecoder().decode(await objects.read(record))) as {
      artifact: { key: string }
    }
    const written = await objects.versions(artifact.key)
    expect((await runProgram(input)).code).toBe(exitCodes.done)
    expect(await objects.versions(artifact.key)).toEqual(written)
  })

  it('tells a fault from what will not be better', async () => {
    const input = await asked('gone')
    const versionId = randomUUID()
    const missing = { ...input.claim, source: { ...input.claim.source, versionId } }
    const faulty = await runProgram({ ...input, claim: missing })
    expect(faulty.code).toBe(exitCodes.failed)
    expect(faulty.lines.at(-1)).toMatchObject({ message: 'the container failed' })
    expect((await runProgram({ algorithm: 'svc' })).code).toBe(exitCodes.invalid)
  })
})

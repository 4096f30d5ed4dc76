import { spawn } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Platform } from '../../../platform/local/platform.ts'
import { irisNpy } from '../../fixtures/iris.ts'
import {
  ada,
  endedExecutions,
  irisKey,
  outcomes,
  registryOf,
  runPlatform,
  temporaryDirectory,
} from './running.ts'

const script = fileURLToPath(new URL('./killed-platform.ts', import.meta.url))

/** The tasks of the straight way, in order, and the one that runs at the end. */
export const trainingTaskNames = [
  'Claim',
  'Validate',
  'Train',
  'Evaluate',
  'Register',
  'CheckDrift',
  'Promote',
  'Announce',
  'Report',
  'RecordOutcome',
] as const

/**
 * Drops the Iris file, lets a platform die at a point, opens the directory again and checks that
 * nothing is lost, doubled or left half done.
 */
export async function surviveKill(...point: readonly string[]): Promise<void> {
  const dataDir = await droppedInto('iris', irisNpy())
  await killedAt(dataDir, ...point)
  const platform = await runPlatform({ dataDir })
  const executions = await endedExecutions(platform)
  expect(executions.every(({ status }) => status === 'SUCCEEDED')).toBe(true)
  expect(outcomes(executions)['registered']).toBe(1)

  const registry = registryOf(platform)
  const { versions } = await registry.versions(ada)
  expect(versions.map(({ version }) => version)).toEqual([0])
  for (const { version } of await registry.aliases(ada)) expect(version).toBe(0)
  expect(await registry.alias(ada, 'champion')).toMatchObject({ version: 0 })
  expect(await statusOfPrediction(platform)).toBe(200)
  await expectNothingLeased(platform)
  await expectNoHalfFile(platform)
}

/** The same for an upload that is rejected. */
export async function surviveKillOfRejection(...point: readonly string[]): Promise<void> {
  const dataDir = await droppedInto('iris', irisNpy().subarray(0, 300).fill(7, 0, 3))
  await killedAt(dataDir, ...point)
  const platform = await runPlatform({ dataDir })
  expect(outcomes(await endedExecutions(platform))).toEqual({ rejected: 1 })
  expect((await registryOf(platform).models()).models).toEqual([])
  await expectNothingLeased(platform)
  await expectNoHalfFile(platform)
}

async function droppedInto(dataset: string, bytes: Uint8Array): Promise<string> {
  const dataDir = await temporaryDirectory()
  const file = join(dataDir, 'bucket', irisKey.replace('iris', dataset))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
  return dataDir
}

async function killedAt(dataDir: string, ...point: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [script, dataDir, ...point], { stdio: 'inherit' })
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (_, killedBy) => resolve(killedBy))
  })
  expect(signal).toBe('SIGKILL')
}

async function statusOfPrediction({ url }: Platform): Promise<number> {
  const response = await fetch(`${url}/prediction`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userID: 'ada', array: [6.5, 2.8, 4.6, 1.5] }),
  })
  return response.status
}

async function expectNothingLeased({ ports }: Platform): Promise<void> {
  const leased = async () => {
    const { items } = await ports.table.query('training#ada/iris')
    return items.filter((item) => item['status'] === 'RUNNING')
  }
  await expect.poll(leased).toEqual([])
}

/** Every file of the versions' folder belongs to a version that can be read whole. */
async function expectNoHalfFile({ dataDir, ports }: Platform): Promise<void> {
  const { objects } = await ports.objects.list('', { limit: 1000 })
  const versions = (await Promise.all(objects.map(({ key }) => ports.objects.versions(key)))).flat()
  for (const { key, versionId, size } of versions) {
    expect(await ports.objects.read(key, { versionId })).toHaveLength(size)
  }
  const files = await readdir(join(dataDir, 'versions'), { recursive: true, withFileTypes: true })
  expect(files.filter((file) => file.isFile())).toHaveLength(versions.length)
}

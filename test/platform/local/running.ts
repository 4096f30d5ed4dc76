import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  openPlatform,
  type Platform,
  type PlatformOptions,
} from '../../../platform/local/platform.ts'
import type { Execution } from '../../../platform/ports/index.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { createRegistry } from '../../../tasks/registry.ts'
import { shareCompute } from './shared-compute.ts'

export const ada = { user: 'ada', dataset: 'iris' }
export const irisKey = 'uploads/ada/iris.npy'

/** Metadata that asks for a training that is over at once, and that any other beats. */
export const majority = { configuration: '{"algorithms": ["majority"]}' }
export const flower = [6.5, 2.8, 4.6, 1.5]

/** A directory that is gone at the end of the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-test-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

export interface RunOptions extends Partial<PlatformOptions> {
  /** Whether trainings run on threads of its own. */
  readonly ownThreads?: boolean
}

/** A platform that is closed at the end of the test. */
export async function runPlatform({ ownThreads = false, ...options }: RunOptions = {}): Promise<
  Platform & { logger: RecordingLogger }
> {
  const dataDir = options.dataDir ?? (await temporaryDirectory())
  const logger = new RecordingLogger()
  const platform = await openPlatform({ logger, ...options, dataDir })
  onTestFinished(() => platform.close())
  if (!ownThreads) shareCompute(platform)
  return { ...platform, logger }
}

export async function predict(url: string): Promise<{ status: number; version?: number }> {
  const response = await fetch(`${url}/prediction`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userID: 'ada', array: flower }),
  })
  return { status: response.status, ...((await response.json()) as object) }
}

/** All executions of the training workflow, once there are `count` and none of them runs. */
export async function endedExecutions(platform: Platform, count = 1): Promise<Execution[]> {
  const { executions } = platform.ports
  const until = Date.now() + 240_000
  for (;;) {
    const listed = []
    let cursor: string | undefined
    do {
      const page = await executions.list({
        workflow: 'training',
        limit: 100,
        ...(cursor === undefined ? {} : { cursor }),
      })
      listed.push(...page.executions)
      cursor = page.cursor
    } while (cursor !== undefined)
    if (listed.length >= count && listed.every((one) => one.status !== 'RUNNING')) {
      return Promise.all(listed.reverse().map(({ name }) => executions.describe('training', name)))
    }
    if (Date.now() > until) {
      throw new Error(`${listed.length} executions after four minutes: ${JSON.stringify(listed)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function registryOf({ ports }: Platform) {
  return createRegistry(ports.table, ports.clock)
}

/** The `outcome` of each execution's output, counted. */
export function outcomes(executions: readonly Execution[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { output, status } of executions) {
    const outcome = (output as { outcome?: string } | undefined)?.outcome ?? status
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

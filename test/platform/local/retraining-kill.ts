import { fork, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { LocalLog } from '../../../platform/local/log.ts'
import { openPlatform } from '../../../platform/local/platform.ts'
import type { EventEnvelope } from '../../../events/index.ts'
import type { JsonObject, Ports } from '../../../platform/ports/index.ts'
import { RecordingLogger } from '../../../platform/testing/memory-observability.ts'
import { before, drawnRows, flipped, type Concept } from '../../fixtures/drifting.ts'
import { npyOf } from '../../fixtures/iris.ts'
import type { Told } from './killed-retraining.ts'
import { endedExecutions } from './running.ts'

const script = fileURLToPath(new URL('./killed-retraining.ts', import.meta.url))
const model = '/models/ada/parts'

/** The policy of the model, at its first revision. */
export const policy = { pollSeconds: 1, runsPerDay: 1, watchRows: 100 }

/**
 * A data directory with a champion, and with a log, which nobody has read yet, in which the concept
 * flips. Labels of the flipped rows are fewer than a retraining takes.
 */
export async function driftedDirectory(dataDir: string): Promise<void> {
  const unread = vi.spyOn(LocalLog.prototype, 'subscribe').mockReturnValue(async () => undefined)
  const platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
  const { objects } = platform.ports
  const rows = drawnRows(400, 1).map((row) => [...row, before(row)])
  const configuration = JSON.stringify({ algorithms: ['decision-tree'], trials: 1 })
  await objects.put('uploads/ada/parts.npy', npyOf(rows), { metadata: { configuration } })
  await endedExecutions(platform)
  // In a copy of the directory the file would be another one, and an upload.
  await objects.delete('uploads/ada/parts.npy')
  await ask(platform.url, 'PUT', `${model}/drift/policy`, policy, { 'if-match': '"0"' })
  for (let i = 0; i < 4; i++) await serve(platform.url, 100, before)
  await serve(platform.url, 100, flipped)
  await platform.close()
  unread.mockRestore()
}

/** What is served each time that an execution has waited in a task. */
const servings: Readonly<Record<string, number>> = { CountLabels: 100, WatchPromotion: 60 }

export interface RunOptions {
  /** A directory that keeps the code as compiled: most of the time of these platforms is their start. */
  readonly cache: string
  /** Tasks, or readers of the log, inside which it dies. */
  readonly within: readonly string[]
  /** What is true while a promotion is watched. @default what it was when that was trained */
  readonly afterwards?: Concept
  /** Is called where a task begins, which waits for it. */
  readonly onHeld?: (task: string, url: string) => Promise<void>
}

/**
 * Runs platforms on a directory, each until it dies, until a retraining has ended; what they are asked
 * meanwhile is served while it waits.
 */
export async function runUntilEnd(dataDir: string, options: RunOptions): Promise<void> {
  for (let runs = 0; runs < 100; runs++) {
    if (await hasEnded(dataDir, options)) return
  }
  throw new Error('a hundred platforms died')
}

/** The points where platforms died, in alphabetical order. */
export async function pointsOf(dataDir: string): Promise<string[]> {
  return (await linesOf(dataDir, 'points')).sort()
}

/** Details of what the bus told of a type, each once. */
export async function toldOf(dataDir: string, type: string): Promise<JsonObject[]> {
  const events = (await linesOf(dataDir, 'told')).map((line) => JSON.parse(line) as EventEnvelope)
  const details = events.filter((event) => event['detail-type'] === type)
  const texts = new Set(details.map(({ detail }) => JSON.stringify(detail)))
  return [...texts].map((text) => JSON.parse(text) as JsonObject)
}

async function linesOf(dataDir: string, name: string): Promise<string[]> {
  const file = join(dataDir, name)
  if (!existsSync(file)) return []
  return (await readFile(file, 'utf8')).trimEnd().split('\n')
}

/** What `look` finds in a directory that nobody has open. */
export async function lookInto<Found>(
  dataDir: string,
  look: (ports: Ports) => Promise<Found>,
): Promise<Found> {
  const platform = await openPlatform({ dataDir, logger: new RecordingLogger(), monitoring: false })
  try {
    return await look(platform.ports)
  } finally {
    await platform.close()
  }
}

/** Kills what a test that failed left running. */
export function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

const children = new Set<ChildProcess>()

/** Whether a platform came to the end of the retraining, and not to its own. */
async function hasEnded(
  dataDir: string,
  { cache, within, afterwards = flipped, onHeld }: RunOptions,
): Promise<boolean> {
  const child = fork(script, [dataDir, ...within], {
    execArgv: [],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  })
  children.add(child)
  const opened = Promise.withResolvers<string>()
  const awaited = Promise.withResolvers<undefined>()
  const ended = Promise.withResolvers<boolean>()
  let failure: unknown
  child.on('error', ended.reject)
  child.on('exit', (code, signal) => {
    children.delete(child)
    if (code === 0 || signal === 'SIGKILL') ended.resolve(code === 0)
    else ended.reject(failure ?? new Error(`the platform ended with ${code ?? signal}`))
  })
  child.on('message', (told: Told) => {
    if ('url' in told) opened.resolve(told.url)
    // What one that dies does not answer is no failure: its end is told later than its connection's.
    else void release(told).catch(fail)
  })
  return ended.promise

  function fail(reason: unknown): void {
    failure ??= reason
    child.kill('SIGTERM')
  }

  async function release({ heldAt, hasWaited }: Extract<Told, { heldAt: string }>): Promise<void> {
    const url = await opened.promise
    const rows = servings[heldAt]
    if (hasWaited && rows !== undefined) {
      await serve(url, rows, heldAt === 'WatchPromotion' ? afterwards : flipped)
    }
    await onHeld?.(heldAt, url)
    if (heldAt === 'AwaitTraining' && hasWaited) awaited.resolve(undefined)
    // However slow its parent is, a training outlasts the first look at it.
    if (heldAt === 'Train') await awaited.promise
    // One that has died needs no answer.
    if (child.connected) child.send(heldAt, () => undefined)
  }
}

/** One request of some rows, whose labels follow at once. */
async function serve(url: string, count: number, concept: Concept): Promise<void> {
  const instances = drawnRows(count, count)
  const { id } = await ask(url, 'POST', `${model}/predictions`, { instances })
  const labels = instances.map(concept)
  await ask(url, 'POST', `/predictions/${encodeURIComponent(String(id))}/feedback`, { labels })
}

export async function ask(
  url: string,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true)
  return (await response.json()) as Record<string, unknown>
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { callsIn, type Outcome, runScenario, type ScenarioName, scenarios } from './scenarios.ts'

interface Kill {
  readonly name: ScenarioName
  readonly seed: number
  readonly at: number
  readonly moment: 'before' | 'after'
}

const child = fileURLToPath(new URL('./kill-child.ts', import.meta.url))

/**
 * Kills a process at each transaction of each scenario (each transition is one), before it is committed
 * or after, and requires that an engine that opens the database goes on to the same outcome, and runs
 * again only what was under way.
 *
 * @param step 1 for each of them, 3 for each third
 */
export async function killEverywhere(seeds: readonly number[], step: number): Promise<void> {
  await inDirectory(async (cache) => {
    for (const name of Object.keys(scenarios) as ScenarioName[]) {
      for (const seed of seeds) {
        const commits = await countCommits(name, seed, cache)
        expect(commits, name).toBeGreaterThan(30)
        const kills: Kill[] = []
        // The first is of the tables. After the one is before the next, but for what is around them.
        for (let at = 2; at <= commits; at += step) {
          kills.push({ name, seed, at, moment: (at + seed) % 2 === 0 ? 'before' : 'after' })
        }
        await atOnce(kills, (kill) => killAndResume(kill, cache))
      }
    }
  })
}

/** Runs it undisturbed, to know how many there are. */
async function countCommits(name: ScenarioName, seed: number, cache: string): Promise<number> {
  const kill = { name, seed, at: Infinity, moment: 'after' } as const
  return inDirectory(async (directory) => (await runAndKill(directory, kill, cache))!)
}

async function killAndResume(kill: Kill, cache: string): Promise<void> {
  await inDirectory(async (directory) => {
    // It may end undisturbed: what is committed together depends on times, and with it how many
    // transactions there are.
    await runAndKill(directory, kill, cache)
    const calls = join(directory, 'calls')
    const before = callsIn(calls)
    const database = new DatabaseSync(join(directory, 'engine.sqlite'))
    const outcome = await runScenario(kill.name, database, calls, kill.seed + 1000)
    database.close()
    check(kill, outcome, before, callsIn(calls).slice(before.length))
  })
}

/** @param after the calls since the process was killed */
function check(
  kill: Kill,
  { status, output, events }: Outcome,
  before: readonly string[],
  after: readonly string[],
): void {
  const where = JSON.stringify(kill)
  const scenario = scenarios[kill.name]
  expect({ status, output }, where).toEqual({ status: 'SUCCEEDED', output: scenario.output })
  const repeated = after.filter((call) => before.includes(call))
  expect(repeated.length, where).toBeLessThanOrEqual(scenario.concurrent)
  expect(new Set(after).size, where).toBe(after.length)
  expect(new Set([...before, ...after]).size, where).toBe(scenario.calls)
  const ids = events.map(({ id }) => id)
  expect(ids, where).toEqual(ids.map((_, i) => i + 1))
  const ended = events.filter(({ type }) => /^Task(Succeeded|Failed)$/.test(type))
  expect(ended, where).toHaveLength(scenario.ended)
  // The clock of the second process starts anew, so that a Wait ends neither early nor late.
  const waited = events
    .filter(({ type }) => type === 'WaitStateExited')
    .map(({ previous, time }) => time - events[previous - 1]!.time)
    .sort((a, b) => a - b)
  expect(waited, where).toEqual(scenario.waits)
}

/** Undefined when it was killed, otherwise how many transactions there were. */
async function runAndKill(
  directory: string,
  { name, seed, at, moment }: Kill,
  cache: string,
): Promise<number | undefined> {
  const files = [join(directory, 'engine.sqlite'), join(directory, 'calls')]
  const run = spawn(process.execPath, [child, name, ...files, String(seed), String(at), moment], {
    env: { ...process.env, NODE_NO_WARNINGS: '1', NODE_COMPILE_CACHE: cache },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(run.stdout),
    text(run.stderr),
    once(run, 'exit') as Promise<[number | null, string | null]>,
  ])
  if (signal === 'SIGKILL') return undefined
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return Number(stdout)
}

/** As many at once as there are processors. */
async function atOnce<T>(items: readonly T[], body: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await body(next)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

async function inDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'engine-kill-'))
  try {
    return await body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

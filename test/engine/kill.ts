import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { everythingOutput } from './everything.ts'

interface Outcome {
  readonly status: string
  readonly output: string
  readonly commits: number
  readonly types: readonly string[]
}

const child = fileURLToPath(new URL('./kill-child.ts', import.meta.url))

/** Runs it undisturbed, to know how many commits there are. */
export function countCommits(): number {
  return inDirectory((directory) => runChild(directory, Infinity, 'after')!.commits)
}

/**
 * Kills a process that runs `everything` at its commit `at`, lets another one go on, and requires the
 * same outcome, with each attempt that ended in the log run once.
 */
export function killAndResume(at: number, moment: 'before' | 'after'): void {
  inDirectory((directory) => {
    const where = `${moment} commit ${at}`
    expect(runChild(directory, at, moment), where).toBeUndefined()
    const before = callsIn(directory)
    const outcome = runChild(directory, Infinity, 'after')
    expect(outcome?.status, where).toBe('SUCCEEDED')
    expect(JSON.parse(outcome!.output), where).toEqual(everythingOutput)
    const after = callsIn(directory).slice(before.length)
    // Two things at most run at once in it, or the three of its Parallel.
    const repeated = after.filter((call) => before.includes(call))
    expect(repeated.length, where).toBeLessThanOrEqual(3)
    expect(new Set(after).size, where).toBe(after.length)
    expect(new Set([...before, ...after]).size, where).toBe(9)
    const ended = outcome!.types.filter((type) => /^Task(Succeeded|Failed)$/.test(type))
    expect(ended, where).toHaveLength(9)
  })
}

function runChild(directory: string, at: number, moment: string): Outcome | undefined {
  const { stdout, stderr, signal, status } = spawnSync(
    process.execPath,
    [child, join(directory, 'engine.sqlite'), String(at), moment, join(directory, 'calls')],
    { encoding: 'utf8', env: { ...process.env, NODE_NO_WARNINGS: '1' } },
  )
  if (signal === 'SIGKILL') return undefined
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout) as Outcome
}

function callsIn(directory: string): string[] {
  try {
    return readFileSync(join(directory, 'calls'), 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}

function inDirectory<T>(body: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'engine-kill-'))
  try {
    return body(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

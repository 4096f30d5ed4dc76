import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { freePlan } from '../../tasks/plans.ts'
import { leaveDeadLetters } from '../fixtures/dead-letters.ts'
import { millrace } from './terminal.ts'

const notes = ['one', 'two', 'three', 'four']

let dataDir: string
let letters: string[]
let platform: Platform

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-operating-'))
  letters = await leaveDeadLetters(dataDir, ...notes.map((note) => ({ note })))
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

describe('millrace queue', () => {
  it('lists dead letters, sends them again and drops them', async () => {
    const [first, second] = letters
    expect((await run('queue')).out).toMatch(
      new RegExp(`^MESSAGE .*\\n${first} +2\\S+ +\\d+ +{"note":"one"}\\n${second} `),
    )
    const { deadLetters } = json((await run('queue', '--json')).out)
    expect(deadLetters).toMatchObject(notes.map((note) => ({ body: { note } })))
    expect(await run('queue', '--remove', first!)).toMatchObject({ out: `Removed ${first}\n` })
    const replayed = await run('queue', '--replay', second!, '--json')
    expect(json(replayed.out)).toEqual({ replayed: [second] })
    const rest = await run('queue', '--replay', 'all')
    expect(rest.out).toBe(`Replayed ${letters[2]}\nReplayed ${letters[3]}\n`)
    expect(await run('queue')).toMatchObject({ exitCode: 0, out: 'No dead letters.\n' })
    expect(await run('queue', '--replay', 'all')).toMatchObject({ out: 'No dead letters.\n' })
    expect(await run('queue', '--remove', first!)).toMatchObject({ exitCode: 6 })
    expect(await run('queue', '--replay', first!)).toMatchObject({ exitCode: 6 })
  })

  it('takes one of what it can do', async () => {
    expect(await run('queue', '--replay', 'all', '--remove', 'x')).toMatchObject({ exitCode: 2 })
  })
})

describe('millrace plans and usage', () => {
  it('set plans from files, and list them', async () => {
    expect(await run('plans')).toMatchObject({ out: 'No plans yet: nothing is limited.\n' })
    const file = join(dataDir, 'plan.json')
    await writeFile(file, JSON.stringify({ ...freePlan, requestsPerSecond: 20 }))
    expect(await run('plans', 'set', 'small', file)).toMatchObject({
      exitCode: 0,
      out: 'Set the plan small\n',
    })
    expect((await run('plans')).out).toMatch(/^PLAN +REQUESTS\/S .*\nsmall +20 +- +- +- +USD +0 /)
    const { plans } = json((await run('plans', 'list', '--json')).out) as { plans: object[] }
    expect(plans).toEqual([{ name: 'small', ...freePlan, requestsPerSecond: 20 }])
    // What is listed can be set again, under another name too.
    await writeFile(file, JSON.stringify(plans[0]))
    expect(await run('plans', 'set', 'large', file)).toMatchObject({ exitCode: 0 })
  })

  it('refuse what is no plan, and say why', async () => {
    const file = join(dataDir, 'none.json')
    await writeFile(file, JSON.stringify({ ...freePlan, burst: 0 }))
    const refused = await run('plans', 'set', 'wrong', file)
    expect(refused).toMatchObject({ exitCode: 7 })
    expect(refused.err).toContain('burst')
    await writeFile(file, '{')
    expect(await run('plans', 'set', 'wrong', file)).toMatchObject({ exitCode: 7 })
    expect(await run('plans', 'set', 'wrong', join(dataDir, 'gone.json'))).toMatchObject({
      exitCode: 7,
    })
  })

  it('show what a user had, and what it costs', async () => {
    await run('users', 'add', 'ada')
    const { exitCode, out } = await run('usage', '--user', 'ada', '--month', '2026-01')
    expect([exitCode, out]).toEqual([
      0,
      expect.stringMatching(
        /^ada in 2026-01, plan default\nWHAT +USED +LIMIT +USD\npredicted rows/,
      ),
    ])
    const { out: text } = await run('usage', '--user', 'ada', '--month', '2026-01', '--json')
    expect(json(text)).toMatchObject({ user: 'ada', usage: { predictions: 0 } })
    expect(await run('usage', '--month', 'May')).toMatchObject({ exitCode: 7 })
    const key = (await run('keys', 'create', 'ada')).out.trim()
    expect((await run('usage', '--key', key)).out).toMatch(/^ada in /)
    expect(await run('usage', '--key', key, '--user', 'bob')).toMatchObject({ exitCode: 6 })
  })

  it('help, with examples', async () => {
    for (const command of ['queue', 'plans', 'plans set', 'plans list', 'usage']) {
      const { exitCode, out } = await millrace(...command.split(' '), '--help')
      expect(exitCode).toBe(0)
      expect(out).toMatch(new RegExp(`Examples?:\\n +\\$ millrace ${command}`))
    }
  })
})

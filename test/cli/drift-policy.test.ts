import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { createRetrainingDecisions } from '../../tasks/retraining-decisions.ts'
import { millrace } from './terminal.ts'

let dataDir: string
let platform: Platform

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-drift-'))
  platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
  await platform.ports.table.put({ pk: 'model#ada/iris', sk: 'model', nextVersion: 1 })
})

afterAll(async () => {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
})

const run = (...args: string[]) => millrace('drift', ...args, '--data-dir', dataDir)

describe('millrace drift', () => {
  it('pauses and resumes the retraining of a model, and keeps the rest of its policy', async () => {
    expect(await run('policy', 'ada/iris', '--min-rows', '500')).toMatchObject({ exitCode: 0 })
    expect(await run('pause', 'ada/iris')).toMatchObject({
      exitCode: 0,
      out: 'Retraining of ada/iris is paused\n',
    })
    const { out } = await run('policy', 'ada/iris', '--json')
    expect(JSON.parse(out)).toMatchObject({ policy: { paused: true, minLabelledRows: 500 } })
    expect(await run('resume', 'ada/iris')).toMatchObject({
      out: 'Retraining of ada/iris goes on\n',
    })
    expect((await run('policy', 'ada/iris')).out).toMatch(/paused +false\n/)
  })

  it('lists what was decided, with its numbers', async () => {
    expect((await run('decisions', 'ada/iris')).out).toBe('No retrainings yet.\n')
    const { table, clock } = platform.ports
    await createRetrainingDecisions(table, clock).record(
      { user: 'ada', dataset: 'iris' },
      {
        execution: 'ada-iris-1',
        detection: 'd',
        step: 'trained',
        outcome: 'kept',
        reason: 'accuracy 0.5',
        numbers: { version: 0, difference: -0.25 },
      },
    )
    expect((await run('decisions', 'ada/iris')).out).toMatch(
      /ada-iris-1 +trained +kept +accuracy 0\.5 +version 0, difference -0\.2500\n$/,
    )
  })

  it.each([
    [['pause', 'ada/none'], 6],
    [['pause', '../x'], 7],
    [['policy', 'ada/iris', '--min-rows', 'many'], 2],
    [['policy', 'ada/iris', '--min-rows', '1'], 7],
    [['decisions', 'ada/iris', '--limit', '0'], 2],
  ])('%j leaves the exit code %i', async (args, exitCode) => {
    expect(await run(...args)).toMatchObject({ exitCode })
  })
})

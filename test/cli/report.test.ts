import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { shareCompute } from '../platform/local/shared-compute.ts'
import { millrace } from './terminal.ts'

let dataDir: string
let platform: Platform

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-report-'))
  platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
  shareCompute(platform)
  await platform.ports.objects.put('uploads/ada/iris.npy', irisNpy(), {
    metadata: { configuration: '{"algorithms":["majority"]}' },
  })
  const path = '/models/ada/iris/versions/0/reports/evaluation'
  const isThere = async () => expect((await fetch(`${platform.url}${path}`)).status).toBe(200)
  await vi.waitFor(isThere, { timeout: 240_000, interval: 100 })
})

afterAll(async () => {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
})

const run = (...args: string[]) => millrace('report', ...args, '--data-dir', dataDir)

describe('millrace report', () => {
  it.each([
    [[], 'Evaluation of ada/iris, version 0'],
    [['--kind', 'dataset', '--version', '0'], 'Dataset of ada/iris, version 0'],
    [['--kind', 'drift'], 'Drift of ada/iris, version 0'],
  ])('writes a page and tells where: %j', async (args, title) => {
    const output = join(dataDir, 'page.html')
    const { exitCode, out, err } = await run('ada/iris', ...args, '--output', output)
    expect([exitCode, out, err]).toEqual([0, `${output}\n`, ''])
    expect(await readFile(output, 'utf8')).toContain(`<title>${title}</title>`)
  })

  it('tells it as JSON', async () => {
    const file = join(dataDir, 'page.html')
    const { out } = await run('ada/iris', '--output', file, '--json')
    expect(JSON.parse(out)).toEqual({ model: 'ada/iris', version: 0, kind: 'evaluation', file })
  })

  it.each([
    [['ada/nothing'], 6],
    [['ada/iris', '--version', '7'], 6],
    [['ada/iris', '--kind', 'secrets'], 2],
    [['ada/iris', '--output', '/dev/null/page.html'], 7],
  ])('%j exits with %i', async (args, exitCode) => {
    expect((await run(...args)).exitCode).toBe(exitCode)
  })
})

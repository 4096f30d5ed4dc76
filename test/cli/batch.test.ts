import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { BatchProgress, type BatchCounts } from '../../cli/batch-progress.ts'
import { runCommand } from '../../cli/main.ts'
import { parseCsv, parseNpy } from '../../ml/data/index.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { irisNpy, irisRows } from '../fixtures/iris.ts'
import { interruptible, millrace, Screen } from './terminal.ts'

let directory: string
let dataDir: string
let platform: Platform
let file: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-batch-'))
  dataDir = join(directory, 'data')
  platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
  await platform.ports.objects.put('uploads/ada/iris.npy', irisNpy(), {
    metadata: { configuration: '{"algorithms":["logistic-regression"],"trials":1}' },
  })
  const isThere = async () =>
    expect((await fetch(`${platform.url}/models/ada/iris/aliases/champion`)).status).toBe(200)
  await vi.waitFor(isThere, { timeout: 240_000, interval: 100 })
  file = join(directory, 'flowers.csv')
  await writeFile(file, irisCsv())
})

afterAll(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

function irisCsv(): string {
  const lines = irisRows().map((row) => row.slice(0, 4).join(','))
  return [[0, 1, 2, 3].map((i) => `feature_${i}`).join(','), ...lines, ''].join('\n')
}

const run = (...args: string[]) => millrace('batch', 'ada/iris', ...args, '--data-dir', dataDir)
const path = (name: string) => join(directory, name)
const bytesOf = async (name: string) => new Uint8Array(await readFile(path(name)))

describe('millrace batch', () => {
  it('predicts a file, and writes the results beside it, whole or not at all', async () => {
    const { exitCode, out, err } = await run(file, '--range-rows', '40')
    expect([exitCode, out]).toEqual([0, `${path('flowers.predictions.csv')}\n`])
    expect(err).toMatch(/flowers\.csv → batch \d+T?\d+-\w+\n150 rows by ada\/iris version 0 in /)
    const { rows, columns } = parseCsv(await bytesOf('flowers.predictions.csv'))
    expect([rows, columns[1]!.name]).toEqual([150, 'prediction'])
    expect((await readdir(directory)).filter((name) => name.endsWith('.part'))).toEqual([])
    // The file that was sent is no dataset.
    expect(await readdir(join(dataDir, 'bucket', 'uploads', 'ada'))).toEqual(['iris.npy'])
  })

  it('replaces no file unless it may', async () => {
    const out = path('kept.jsonl')
    await writeFile(out, 'mine')
    const args = ['--dataset', 'iris', '--out', out]
    expect(await run(...args)).toMatchObject({ exitCode: 7, out: '' })
    expect(await readFile(out, 'utf8')).toBe('mine')
    expect((await run(...args, '--force')).exitCode).toBe(0)
    expect((await readFile(out, 'utf8')).trim().split('\n')).toHaveLength(150)
  })

  it.skipIf(process.platform === 'win32')('takes the place of nothing but a file', async () => {
    const out = path('pipe.csv')
    execFileSync('mkfifo', [out])
    const answer = await run('--dataset', 'iris', '--out', out, '--force')
    expect([answer.exitCode, answer.err]).toEqual([7, expect.stringContaining('is no file')])
    expect((await stat(out)).isFIFO()).toBe(true)
  })

  it('tells a program what it did', async () => {
    const out = path('answers.npy')
    const told = await run('--dataset', 'ada/iris@0', '--version', '0', '--out', out, '--json')
    const batch = JSON.parse(told.out) as Record<string, unknown>
    expect(batch).toMatchObject({
      dataset: 'ada/iris',
      datasetVersion: 0,
      status: 'SUCCEEDED',
      rows: 150,
      format: 'npy',
      results: { sha256: (batch['out'] as { sha256: string }).sha256 },
    })
    expect(parseNpy(await bytesOf('answers.npy')).shape).toEqual([150])
  })

  it('tells why a file cannot be predicted', async () => {
    const strange = path('strange.csv')
    await writeFile(strange, 'a,b\n1,2\n')
    const { exitCode, out } = await run(strange)
    expect([exitCode, out]).toEqual([4, expect.stringContaining('feature_0') as string])
    expect(await readdir(directory)).not.toContain('strange.predictions.csv')
  })

  it('leaves the batch running at Ctrl-C, says how to go on, and goes on with what is missing', async () => {
    const interrupt = new AbortController()
    const { executions, objects } = platform.ports
    // All but the first range are under way until the batch is stopped.
    const stopped = Promise.withResolvers<never>()
    stopped.promise.catch(() => undefined)
    const put = objects.put.bind(objects)
    const puts = vi
      .spyOn(objects, 'put')
      .mockImplementation((key, ...given) =>
        /shards\/00000[12]/.test(key) ? stopped.promise : put(key, ...given),
      )
    const describeExecution = executions.describe.bind(executions)
    const looks = vi.spyOn(executions, 'describe').mockImplementation(async (workflow, name) => {
      // While it is followed.
      if (workflow === 'batch') interrupt.abort()
      return describeExecution(workflow, name)
    })
    const out = path('resumed.csv')
    const args = ['batch', 'ada/iris', file, '--range-rows', '50', '--data-dir', dataDir]
    const left = await interruptible([...args, '--out', out], interrupt.signal)
    looks.mockRestore()
    expect(left.exitCode).toBe(130)
    const [, batch] = /--resume (\S+) --data-dir/.exec(left.err) ?? []
    const isBegun = async () => {
      const answer = await fetch(`${platform.url}/models/ada/iris/batches/${batch}`)
      expect(await answer.json()).toMatchObject({ status: 'RUNNING', rangesDone: 1 })
    }
    await vi.waitFor(isBegun, { timeout: 120_000, interval: 20 })
    const cancelled = await run('--cancel', batch!)
    expect(cancelled.out).toBe(`ABORTED ${batch}: 50 of 150 rows are predicted\n`)
    stopped.reject(new Error('the batch is stopped'))
    puts.mockRestore()
    const resumed = await run('--resume', batch!, '--out', out)
    expect([resumed.exitCode, resumed.out]).toEqual([0, `${out}\n`])
    expect(resumed.err).toContain(`batch ${batch} goes on: 2 of 3 ranges\n`)
    expect(parseCsv(await bytesOf('resumed.csv')).rows).toBe(150)
    expect(await bytesOf('resumed.csv')).toEqual(await bytesOf('flowers.predictions.csv'))
  })

  it('writes no results that are damaged, says how to go on, and then predicts those anew', async () => {
    const { ports } = platform
    const told = await run(
      '--dataset',
      'iris',
      '--range-rows',
      '50',
      '--out',
      path('first.csv'),
      '--json',
    )
    const { batch } = JSON.parse(told.out) as { batch: string }
    // As of results that are too large for one object.
    const item = await ports.table.get('batches#ada/iris', batch)
    const result = { ...(item!['result'] as object), object: null }
    await ports.table.put({ ...item!, result })
    const out = path('mended.csv')
    const again = ['--resume', batch, '--out', out]
    const read = ports.objects.read.bind(ports.objects)
    const reads = vi.spyOn(ports.objects, 'read').mockImplementation(async (key, options) => {
      const bytes = await read(key, options)
      return key.includes(`${batch}/shards/000001`) ? bytes.fill(0) : bytes
    })
    // The server's own word on the answer that it cut off.
    const words = vi.spyOn(console, 'error').mockReturnValue()
    const damaged = await run(...again)
    reads.mockRestore()
    words.mockRestore()
    expect(damaged).toMatchObject({ exitCode: 5, out: '' })
    expect(damaged.err).toContain('ResultsDamaged')
    expect(damaged.err).toContain(
      `go on with it, by: npx millrace batch ada/iris --resume ${batch}`,
    )
    expect(await readdir(directory)).not.toContain('mended.csv')
    expect(await run(...again)).toMatchObject({ exitCode: 0, out: `${out}\n` })
    expect(await bytesOf('mended.csv')).toEqual(await bytesOf('first.csv'))
  })

  it('shows how far it is on a terminal', async () => {
    const screen = new Screen(80, 20)
    const { signal } = new AbortController()
    const args = ['batch', 'ada/iris', file, '--out', path('shown.csv'), '--data-dir', dataDir]
    expect(await runCommand(args, { out: screen, err: screen, signal })).toBe(0)
    const text = stripVTControlCharacters(screen.text)
    expect(text).toMatch(/flowers\.csv █{24} 100 %/)
    expect(text).toMatch(/ {2}█{24} 100 %\n {2}150 rows/)
  })

  it.each([
    [[], 2],
    [['rows.csv', '--dataset', 'iris'], 2],
    [['--dataset', 'iris', '--version', '0', '--alias', 'champion'], 2],
    [['--resume', 'none'], 6],
    [['--cancel', 'none'], 6],
    [['--dataset', 'none'], 6],
    [['--dataset', 'iris', '--alias', 'none'], 6],
    [['none.csv'], 7],
    [['rows.txt'], 7],
    [['--dataset', 'iris', '--out', '/nowhere/at/all.csv'], 7],
  ])('%j exits with %i', async (args, exitCode) => {
    expect((await run(...args)).exitCode).toBe(exitCode)
  })
})

describe('the bar of a batch', () => {
  const counts = (rowsDone: number, more: Partial<BatchCounts> = {}): BatchCounts => ({
    rows: 1_000_000,
    rowsDone,
    ranges: 40,
    rangesDone: rowsDone / 25_000,
    failedRanges: 0,
    ...more,
  })

  /** What stands there after looks at so many rows, each so many seconds after the first. */
  function shown(columns: number, looks: readonly (readonly [number, BatchCounts])[]): string[] {
    const screen = new Screen(columns, 20)
    let now = 0
    const progress = new BatchProgress(screen, () => now)
    for (const [seconds, look] of looks) {
      now = seconds * 1000
      progress.show(look)
    }
    return stripVTControlCharacters(screen.text).trimEnd().split('\n').slice(-2)
  }

  it('tells the rate of late, and the time that is left by it', () => {
    const fast = [0, 1, 2].map((seconds) => [seconds, counts(seconds * 50_000)] as const)
    expect(shown(80, fast)).toEqual([
      '  ██░░░░░░░░░░░░░░░░░░░░░░  10 %  50,000 rows/s  18.00 s left',
      '  100,000 of 1,000,000 rows, 4 of 40 ranges',
    ])
    // A quarter as fast from then on, for longer than the window.
    const slow = [4, 6, 8, 10, 12, 14, 16, 18, 20].map(
      (seconds) => [seconds, counts(75_000 + seconds * 12_500)] as const,
    )
    expect(shown(80, [...fast, ...slow])[0]).toContain(' 12,500 rows/s  54.00 s left')
  })

  it('lets the time run down between two ranges, and is slower when one takes longer', () => {
    const looks = [0, 1].map((seconds) => [seconds, counts(seconds * 500_000)] as const)
    expect(shown(80, [...looks, [1.5, counts(500_000)]])[0]).toContain(
      '500,000 rows/s  500 ms left',
    )
    expect(shown(80, [...looks, [4, counts(500_000)]])[0]).toContain('125,000 rows/s  4.00 s left')
  })

  it('says what happens before its rows are divided, and after they are predicted', () => {
    const before = counts(0, { rows: 0, ranges: 0, rangesDone: 0 })
    expect(shown(80, [[0, before]])).toEqual([
      `  ${'░'.repeat(24)}   0 %`,
      '  the rows are divided',
    ])
    expect(shown(80, [[0, counts(1_000_000)]])[1]).toBe('  1,000,000 rows, which are joined')
    // None at all.
    const none = counts(0, { rows: 0, ranges: 1, rangesDone: 1 })
    expect(shown(80, [[0, none]])[0]).toBe(`  ${'█'.repeat(24)} 100 %`)
  })

  it.each([40, 30, 20, 10])('fits a terminal of %i columns, the failures told first', (columns) => {
    const looks = [0, 1].map((seconds) => [seconds, counts(seconds * 50_000)] as const)
    const failed = counts(75_000, { failedRanges: 3 })
    const lines = shown(columns, [...looks, [2, failed]])
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
    if (columns === 40) {
      expect(lines[0]).toMatch(/^ {2}█+░+ {3}7 % {2}24\.\d\d s left$/)
      expect(lines[1]).toBe('  75,000 of 1,000,000 rows, 3 failed')
    }
  })
})

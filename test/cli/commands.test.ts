import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand } from '../../cli/main.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { irisNpy, noisyIrisNpy, npyOf } from '../fixtures/iris.ts'
import { groupedRows, pricesCsv } from '../fixtures/quantities.ts'
import { shareCompute } from '../platform/local/shared-compute.ts'
import { interruptible, millrace, Screen } from './terminal.ts'

let dataDir: string
let platform: Platform
let file: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-cli-'))
  platform = await openPlatform({ dataDir, logger: new RecordingLogger() })
  shareCompute(platform)
  file = join(dataDir, 'iris.npy')
  await writeFile(file, irisNpy())
})

afterAll(async () => {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
})

const run = (...args: string[]) => millrace(...args, '--data-dir', dataDir)
const json = (text: string) => JSON.parse(text) as Record<string, unknown>

describe('millrace', () => {
  it('uploads, follows the training, lists and asks the model', async () => {
    const put = await run('put', file, '--user', 'ada', '--watch')
    expect(put).toMatchObject({ exitCode: 0 })
    expect(put.out).toMatch(/Registered {2}ada\/iris version 0/)
    expect(put.out).toContain('actual \\ predicted')
    expect(put.err).toMatch(/s {2}Validate\n/)

    const models = await run('models', '--json')
    expect(json(models.out)).toMatchObject({ models: [{ model: 'ada/iris', champion: 0 }] })
    expect((await run('models')).out).toMatch(/ada\/iris +0 /)
    expect((await run('models', 'ada/iris')).out).toMatch(/0 {2}champion/)

    const predict = await run('predict', 'ada/iris', '6.5,2.8,4.6,1.5', '5.1,3.5,1.4,0.2', '--json')
    expect(json(predict.out)).toMatchObject({ predictions: [1, 0], version: 0 })
    expect((await run('predict', 'ada/iris', '6.5,2.8,4.6,1.5')).out).toMatch(/^1 .*version 0/)
  })

  it('shows executions and the history of one', async () => {
    const { execution } = json((await run('put', file, '--dataset', 'history', '--json')).out)
    const watched = await run('execution', String(execution), '--watch')
    expect(watched.exitCode).toBe(0)
    const listed = json((await run('executions', '--json')).out) as { executions: object[] }
    expect(listed.executions).toContainEqual(
      expect.objectContaining({ name: execution, status: 'SUCCEEDED' }),
    )
    expect((await run('executions')).out).toContain(String(execution))
    const history = json((await run('execution', String(execution), '--json')).out)
    const types = (history['events'] as { type: string }[]).map((event) => event.type)
    expect(types[0]).toBe('ExecutionStarted')
    expect(types.at(-1)).toBe('ExecutionSucceeded')
    expect((await run('execution', String(execution))).out).toContain('TaskStateEntered')
  })

  it('tells the same bytes apart from others, and takes the algorithms asked for', async () => {
    await run('put', file, '--dataset', 'twice', '--watch')
    expect((await run('put', file, '--dataset', 'twice', '--watch')).out).toContain('Already done')
    const raced = await run('put', file, '--dataset', 'twice', '--algorithm', 'majority', '--watch')
    expect(raced.out).toContain('version 1, majority')
  })

  it('races the algorithms asked for, in as many trials', async () => {
    const asked = ['--algorithm', 'gradient-boosting,svc', '--trials', '8', '--watch']
    const { exitCode, out } = await run('put', file, '--dataset', 'raced', ...asked)
    expect(exitCode).toBe(0)
    expect(out).toMatch(
      /Raced +gradient-boosting \S+ \(best of 8 trials\), svc .*, majority 0\.\d+\n/,
    )
  })

  it('learns quantities and groups', async () => {
    const prices = join(dataDir, 'prices.csv')
    await writeFile(prices, pricesCsv(300, 1))
    const price = await run('put', prices, '--task', 'regression', '--trials', '1', '--watch')
    expect(price).toMatchObject({ exitCode: 0 })
    expect(price.out).toMatch(/Metrics +on \d+ held-out rows: RMSE [\d.]+, MAE [\d.]+, R² 0\.\d+/)
    const asked = await run('predict', 'prices', '5,rare', ',plain')
    expect(asked.out).toMatch(/^\d+\.?\d* +by default\/prices version 0\n.*version 0\n$/)
    expect((await run('models')).out).toMatch(/default\/prices +0 +regression .*rmse \d/)

    const groups = join(dataDir, 'groups.npy')
    await writeFile(groups, npyOf(groupedRows(200, 3, 1)))
    const grouped = await run('put', groups, '--task', 'clustering', '--watch')
    expect(grouped.out).toMatch(/3 clusters, silhouette 0\.\d+.*\n +rows of each: \d+, \d+, \d+/)
  })

  it('says what is left out as soon as it is known', async () => {
    const many = join(dataDir, 'many.npy')
    const rows = Array.from({ length: 3000 }, (_, i) => [i, (i * 7919) % 3001, i % 2])
    await writeFile(many, npyOf(rows))
    const { err, out } = await run('put', many, '--algorithm', 'ml-svm,majority', '--watch')
    expect(err).toMatch(
      /Validate: left out: .*ml-svm learns from; raced instead: majority\n[^]*Train\n/,
    )
    expect(out).toMatch(/Left out +.*raced instead: majority/)
  })

  it('leaves exit codes that tell failures apart', async () => {
    const bad = join(dataDir, 'bad.npy')
    await writeFile(bad, 'garbage')
    const rejected = await run('put', bad, '--watch')
    expect(rejected).toMatchObject({ exitCode: 4 })
    expect(rejected.out).toContain('Rejected')
    expect(await run('predict', 'ada/none', '1,2')).toMatchObject({ exitCode: 6 })
    expect(await run('execution', 'none')).toMatchObject({ exitCode: 6 })
    expect(await run('predict', 'ada/iris', '1,2')).toMatchObject({ exitCode: 7 })
    expect(await run('predict', '../x', '1,2')).toMatchObject({ exitCode: 7 })
    expect(await run('predict', 'ada/iris', '1,1e999')).toMatchObject({ exitCode: 2 })
    expect(await run('predict', 'ada/iris', '1,x,3,4')).toMatchObject({ exitCode: 7 })
    const unknown = await run('put', file, '--algorithm', 'svc,svd')
    expect(unknown).toMatchObject({ exitCode: 7 })
    expect(unknown.err).toContain('there is no algorithm "svd"; there are svc,')
    expect(await run('put', file, '--task', 'ranking')).toMatchObject({ exitCode: 2 })
    expect(await run('put', file, '--trials', '0')).toMatchObject({ exitCode: 2 })
    expect(await run('put', file, '--metric', 'luck')).toMatchObject({ exitCode: 2 })
    for (const share of ['', '0', '0.9', 'half']) {
      expect(await run('put', file, '--held-out', share)).toMatchObject({ exitCode: 2 })
    }
    expect(await run('put', join(dataDir, 'none.npy'))).toMatchObject({ exitCode: 7 })
    expect(await run('put', dataDir)).toMatchObject({ exitCode: 7 })
    expect(await run('dev')).toMatchObject({ exitCode: 8 })
    expect(await millrace('nonsense')).toMatchObject({ exitCode: 2 })
    expect(await millrace('dev', '--port', 'x')).toMatchObject({ exitCode: 2 })
  })

  it('says what was found and what to do', async () => {
    const told = async (...args: string[]) => (await run(...args)).err
    expect(await told('put', join(dataDir, 'none.npy'))).toContain('there is no file')
    const huge = join(dataDir, 'huge.npy')
    await writeFile(huge, '')
    await truncate(huge, 512 * 1024 * 1024 + 1)
    expect(await told('put', huge)).toContain('has 536870913 bytes; a dataset is at most 536870912')
    const spaced = join(dataDir, 'my data.npy')
    await writeFile(spaced, irisNpy())
    expect(await told('put', spaced)).toContain('--dataset')
    expect(await told('models', 'ada/none')).toContain('there is no model ada/none')
    expect(await told('execution', 'none')).toMatch(/no execution none .* lists them/)
    expect(await told('executions', '--workflow', 'none')).toContain('there is no workflow none')
    expect(await told('executions', '--status', 'none')).toContain('RUNNING, SUCCEEDED')
    expect(await run('execution', '../x')).toMatchObject({ exitCode: 2 })
    expect(await told('predict', 'ada/iris', '-1,2')).toContain('millrace predict --help')
    const port = new URL(platform.url).port
    const taken = await millrace('dev', '--data-dir', join(dataDir, 'taken'), '--port', port)
    expect(taken).toMatchObject({ exitCode: 8 })
    expect(taken.err).toMatch(/cannot listen on 127\.0\.0\.1:\d+: another program .* --port/)
  })

  it('lists how executions ended', async () => {
    const bad = join(dataDir, 'listed.npy')
    await writeFile(bad, 'garbage')
    await run('put', bad, '--watch')
    expect((await run('executions')).out).toMatch(/default-listed-\w+ .*rejected$/m)
    await run('put', file, '--dataset', 'listed-well', '--watch')
    expect((await run('executions')).out).toMatch(/listed-well-\w+ .*version 0 promoted$/m)
    const interrupt = new AbortController()
    const watch = ['executions', '--watch', '--data-dir', dataDir]
    const screen = new Screen(50, 8)
    const watching = runCommand(watch, { out: screen, err: screen, signal: interrupt.signal })
    await expect.poll(() => screen.text).toContain('… ')
    interrupt.abort()
    expect(await watching).toBe(130)
    const widths = stripVTControlCharacters(screen.text)
      .split('\n')
      .map((line) => line.length)
    expect(Math.max(...widths)).toBeLessThanOrEqual(50)
    expect((await run('executions', '--workflow', 'training', '--status', 'FAILED')).out).toBe(
      'No executions yet.\n',
    )
  })

  it('takes the address that a killed platform left for none', async () => {
    const killed = join(dataDir, 'killed')
    await mkdir(killed)
    const { pid } = spawnSync(process.execPath, ['--version'])
    await writeFile(join(killed, 'platform.json'), JSON.stringify({ url: platform.url, pid }))
    expect(await millrace('models', '--data-dir', killed)).toMatchObject({ exitCode: 3 })
  })

  it('says how to start the platform when none is running', async () => {
    for (const command of [['models'], ['executions'], ['put', file], ['predict', 'a/b', '1']]) {
      const { exitCode, err } = await millrace(...command, '--data-dir', join(dataDir, 'nowhere'))
      expect(exitCode).toBe(3)
      expect(err).toContain('npx millrace dev')
    }
  })

  it('helps, with examples, for every command', async () => {
    const commands = ['demo', 'dev', 'put', 'executions', 'execution', 'models', 'predict']
    for (const command of [...commands, 'deploy', 'destroy']) {
      const { exitCode, out } = await millrace(command, '--help')
      expect(exitCode).toBe(0)
      expect(out).toMatch(new RegExp(`Examples?:\\n +\\$ millrace ${command}`))
    }
  })

  it('stops cleanly on Ctrl-C', async () => {
    const interrupt = new AbortController()
    const other = join(dataDir, 'other')
    const dev = interruptible(['dev', '--data-dir', other, '--port', '0'], interrupt.signal)
    const ready = async () => (await millrace('models', '--data-dir', other)).exitCode
    await expect.poll(ready).toBe(0)
    const watch = interruptible(['executions', '--watch', '--data-dir', other], interrupt.signal)
    interrupt.abort()
    expect(await dev).toMatchObject({ exitCode: 130 })
    expect(await watch).toMatchObject({ exitCode: 130 })
    expect((await millrace('models', '--data-dir', other)).exitCode).toBe(3)
  })

  it('runs the demo', async () => {
    const { exitCode, out, err } = await millrace('demo')
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' })
    expect(out).toMatch(/Answer +class 1 /)
  })

  it('shows versions that were kept out, and asks an older one', async () => {
    await writeFile(file, noisyIrisNpy(3))
    const versions = ['put', file, '--dataset', 'versions', '--watch']
    await run(...versions, '--algorithm', 'majority')
    await run(...versions)
    const asked = await run('predict', 'default/versions', '--at', '0', '6.5,2.8,4.6,1.5', '--json')
    expect(json(asked.out)).toMatchObject({ version: 0 })
    expect((await run('models', 'versions')).out).toMatch(/1 {2}champion/)
  })
})

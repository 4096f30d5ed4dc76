import { execFile, spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openPlatform, type Platform } from '../platform/local/platform.ts'
import { RecordingLogger } from '../platform/testing/memory-observability.ts'
import { irisRows } from './fixtures/iris.ts'
import { endedExecutions } from './platform/local/running.ts'

const root = resolve(import.meta.dirname, '..')
const page = await readFile(join(root, 'docs/quick-start.md'), 'utf8')
const blocks = [...page.matchAll(/<!-- run -->\n+```sh\n([^]*?)```/g)].map(([, block]) => block!)
const hasCurl = spawnSync('curl', ['--version']).error === undefined

let directory: string
let platform: Platform

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-quick-start-'))
  platform = await openPlatform({
    dataDir: join(directory, '.millrace'),
    logger: new RecordingLogger(),
  })
  const rows = irisRows().map((row) => row.join(','))
  await writeFile(
    join(directory, 'measurements.csv'),
    ['sepal length,sepal width,petal length,petal width,species', ...rows, ''].join('\n'),
  )
  // `npx millrace` as the page has it, from the sources.
  await mkdir(join(directory, 'bin'))
  const npx = join(directory, 'bin/npx')
  const command = join(root, 'test/cli/millrace.ts')
  await writeFile(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${command}" "$@"\n`)
  await chmod(npx, 0o755)
})

afterAll(async () => {
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

async function shell(block: string): Promise<string> {
  const script = block.replaceAll('http://127.0.0.1:4600', platform.url)
  const path = [join(directory, 'bin'), dirname(process.execPath), process.env['PATH']]
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], {
    cwd: directory,
    env: { ...process.env, PATH: path.join(delimiter) },
  })
  return stdout
}

describe('the quick start', () => {
  it('does what it says, command by command', async () => {
    expect(blocks).toHaveLength(4)
    const [drop, look, put] = blocks as [string, string, string]
    await shell(drop)
    await endedExecutions(platform)
    const looked = await shell(look)
    expect(looked).toMatch(/ada-flowers-\w+ +training +SUCCEEDED/)
    expect(looked).toMatch(/0 {2}champion/)
    expect(looked).toMatch(/^1 .*by ada\/flowers version 0/m)
    const putting = await shell(put)
    expect(putting).toContain('Registered  ada/raced version 0, svc')
    expect(putting).toContain('"model": "ada/raced"')
  })

  it.skipIf(!hasCurl)('asks by curl (skipped where there is no curl)', async () => {
    expect(JSON.parse(await shell(blocks.at(-1)!))).toMatchObject({
      model: 'ada/raced',
      predictions: [1],
    })
  })
})

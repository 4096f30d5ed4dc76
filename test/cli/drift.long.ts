import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import type { DriftStatus } from '../../tasks/drift-status.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { runCommand } from '../../cli/main.ts'
import { millrace, Screen } from './terminal.ts'

let dataDir: string
let platform: Platform

const open = () => openPlatform({ dataDir, logger: new RecordingLogger() })
const run = (...args: string[]) => millrace('drift', ...args, '--data-dir', dataDir)
const status = async () => JSON.parse((await run('ada/iris', '--json')).out) as DriftStatus

async function ask(rows: number): Promise<string> {
  const response = await fetch(`${platform.url}/models/ada/iris/predictions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: Array.from({ length: rows }, () => [6.5, 2.8, 4.6, 1.5]) }),
  })
  return ((await response.json()) as { id: string }).id
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-drift-'))
  platform = await open()
  await platform.ports.objects.put('uploads/ada/iris.npy', irisNpy(), {
    metadata: { configuration: JSON.stringify({ algorithms: ['majority'], trials: 1 }) },
  })
  const isPromoted = async () => {
    const champion = await fetch(`${platform.url}/models/ada/iris/aliases/champion`)
    if (!champion.ok) throw new Error('there is no champion')
  }
  await vi.waitFor(isPromoted, { timeout: 240_000 })
})

afterAll(async () => {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
})

describe('millrace drift <model>', () => {
  it('says that nothing was served yet, and which models there are', async () => {
    expect(await run('ada/iris')).toMatchObject({ exitCode: 0 })
    expect((await run('ada/iris')).out).toContain('nothing served yet')
    const none = await run('ada/none')
    expect(none.exitCode).toBe(6)
    expect(none.err).toContain(`npx millrace models --data-dir ${dataDir} lists them`)
  })

  it('shows what is served and labelled, also when the platform was opened anew', async () => {
    const id = await ask(40)
    await fetch(`${platform.url}/predictions/${id}/feedback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ labels: Array.from({ length: 40 }, (_, i) => i % 2) }),
    })
    await expect.poll(async () => (await status()).labels.counted).toBe(40)
    await ask(3)
    await platform.close()
    platform = await open()
    await ask(2)
    await expect.poll(async () => (await status()).rows).toBe(45)
    const { out } = await run('ada/iris')
    expect(out).toMatch(/^ada\/iris version 0 {2}45 rows in 3 requests, the last at /)
    expect(out).toMatch(/accuracy 0\.\d{4} of the last 40 labels/)
    expect(out).toMatch(/^error +40 +[-+]\d\.\d [▁▂▃▄▅▆▇█]+/m)
  })

  it('is drawn again with --watch, and printed a line a change with --json', async () => {
    const [drawn, printed] = [new Screen(80, 24), new Screen(80, 24)]
    const interrupt = new AbortController()
    const { signal } = interrupt
    const args = ['drift', 'ada/iris', '--watch', '--data-dir', dataDir]
    const watching = [
      runCommand(args, { out: drawn, err: drawn, signal }),
      runCommand([...args, '--json'], { out: printed, err: printed, signal }),
    ]
    await expect.poll(() => printed.text).toContain('"rows":45')
    await ask(1)
    await expect.poll(() => printed.text).toContain('"rows":46')
    await expect.poll(() => drawn.text).toContain('46 rows')
    interrupt.abort()
    expect(await Promise.all(watching)).toEqual([130, 130])
    const lines = printed.text.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as DriftStatus).rows)).toEqual([45, 46])
  })
})

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeNpy } from '../ml/data/index.ts'
import { openPlatform } from '../platform/local/platform.ts'

/**
 * From a bad file dropped into the folder to its typed rejection, for each kind of file.
 *
 *   node bench/rejections.ts
 */
const whole = writeNpy({ shape: [200, 5], data: new Float64Array(1000) })
const gigabyte = new TextEncoder().encode(
  new TextDecoder('latin1').decode(whole.subarray(0, 128)).replace('(200, 5)', '(26843546, 5)'),
)
const files: Record<string, Uint8Array> = {
  empty: new Uint8Array(0),
  garbage: new TextEncoder().encode('garbage '.repeat(100)),
  pickle: Uint8Array.from([0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x4e, 0x2e]),
  'header of 1 GB': gigabyte,
}
const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
const platform = await openPlatform({ dataDir })
const { executions, objects } = platform.ports
try {
  await mkdir(join(platform.bucketDir, 'uploads/bench'), { recursive: true })
  await measure('warm-up', { garbage: files['garbage']! })
  await measure('rejection', files)
  const dropped = performance.now()
  await mkdir(join(platform.bucketDir, 'uploads/bench/directory.npy'))
  await until(async () => (await objects.list('quarantine/_refused/')).objects.length > 0)
  emit('rejection', 'directory', performance.now() - dropped)
} finally {
  await platform.close()
  await rm(dataDir, { recursive: true, force: true })
}

async function measure(name: string, bad: Record<string, Uint8Array>): Promise<void> {
  for (const [kind, bytes] of Object.entries(bad)) {
    const before = (await executions.list({ limit: 100 })).executions.length
    const dropped = performance.now()
    const file = `${name}-${kind.replaceAll(' ', '-')}.npy`
    await writeFile(join(platform.bucketDir, 'uploads/bench', file), bytes)
    await until(async () => {
      const { executions: ended } = await executions.list({ status: 'SUCCEEDED', limit: 100 })
      return ended.length > before
    })
    emit(name, kind, performance.now() - dropped)
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 20_000; attempt++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  throw new Error('nothing was rejected')
}

function emit(measure: string, file: string, value: number): void {
  console.log(JSON.stringify({ measure, file, value: Math.round(value), unit: 'ms' }))
}

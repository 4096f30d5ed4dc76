import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseNpy, readNpy, seededRandom, writeNpy } from '../../../ml/data/index.ts'
import { doubleBytes, errorOf, npyBytes, npyHeader } from './npy-bytes.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-npy-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function fileOf(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

describe('readNpy', () => {
  it('answers what parseNpy answers, for each way values are stored', async () => {
    const files = [
      npyBytes(npyHeader('<f8', '(2, 3)'), doubleBytes([1, 2, 3, 4, 5, 6])),
      npyBytes(npyHeader('>f8', '(2, 3)', 'True'), doubleBytes([1, 2, 3, 4, 5, 6], '>')),
      npyBytes(npyHeader('<f8', '(0, 5)')),
      npyBytes(npyHeader('<f8', '()'), doubleBytes([7])),
      npyBytes(npyHeader('>f2', '(2,)'), Uint8Array.of(0x3c, 0x00, 0xc0, 0x00)),
      npyBytes(npyHeader('|b1', '(3,)'), Uint8Array.of(1, 0, 1)),
      npyBytes(npyHeader('>i2', '(1,)'), Uint8Array.of(1, 2), 3),
    ]
    for (const [i, bytes] of files.entries()) {
      expect(await readNpy(await fileOf(`${i}.npy`, bytes))).toEqual(parseNpy(bytes))
    }
  })

  it('reads a file of many parts', async () => {
    const random = seededRandom(1)
    const data = Float64Array.from({ length: 2_500_000 }, random)
    const path = await fileOf('large.npy', writeNpy({ shape: [500_000, 5], data }))
    const array = await readNpy(path)
    expect(array.shape).toEqual([500_000, 5])
    expect(Buffer.from(array.data.buffer).equals(Buffer.from(data.buffer))).toBe(true)
  })

  it('widens many float16 values in place without losing any', async () => {
    const data = Float32Array.from({ length: 100_001 }, (_, i) => i % 2048)
    const path = await fileOf('halves.npy', writeNpy({ shape: [100_001], dtype: 'float16', data }))
    expect((await readNpy(path)).data).toEqual(data)
  })

  it('refuses a file that is cut short, longer than it says, or no .npy at all', async () => {
    const whole = npyBytes(npyHeader('<f8', '(2, 3)'), doubleBytes([1, 2, 3, 4, 5, 6]))
    for (const [bytes, offset] of [
      [whole.subarray(0, 170), 170],
      [whole.subarray(0, 50), 50],
      [Buffer.concat([whole, whole]), 176],
      [new Uint8Array(0), 0],
      [Buffer.from('PK'), 0],
      [npyBytes(npyHeader('<f8', '(125000000,)'), whole), 128 + whole.length],
    ] as const) {
      const path = await fileOf('bad.npy', bytes)
      expect(await errorOf(() => readNpy(path))).toMatchObject({ name: 'NpyInvalid', offset })
    }
  })

  it('refuses a directory and a named pipe, without waiting for a writer', async () => {
    const directory = join(folder, 'x.npy')
    await mkdir(directory)
    expect(await errorOf(() => readNpy(directory))).toMatchObject({
      name: 'NpyInvalid',
      found: 'a directory',
    })
    if (process.platform === 'win32') return
    const pipe = join(folder, 'pipe.npy')
    execFileSync('mkfifo', [pipe])
    expect(await errorOf(() => readNpy(pipe))).toMatchObject({
      name: 'NpyInvalid',
      found: 'a special file',
    })
  })

  it('leaves the system’s own errors as they are', async () => {
    expect(await errorOf(() => readNpy(join(folder, 'none.npy')))).toMatchObject({ code: 'ENOENT' })
  })
})

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { modelFiles } from './model-files.ts'

it('The same rows give the same model file in 20 runs, and in a worker', async () => {
  const files = hexOf(modelFiles())
  expect(files.every((file) => file.length > 1000)).toBe(true)
  for (let run = 1; run < 20; run++) expect(hexOf(modelFiles())).toEqual(files)
  const worker = new Worker(new URL('fit-in-worker.ts', import.meta.url))
  const [fromWorker] = (await once(worker, 'message')) as [Uint8Array[]]
  expect(hexOf(fromWorker)).toEqual(files)
})

function hexOf(files: readonly Uint8Array[]): string[] {
  return files.map((file) => Buffer.from(file).toString('hex'))
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { LocalCompute } from '../../../platform/local/compute.ts'
import { defineJob } from '../../../platform/ports/compute.ts'
import { die, never, spin, sum } from '../../contracts/compute-jobs.ts'
import { rejection } from '../../contracts/expect-error.ts'

const open: LocalCompute[] = []
const openCompute = (threads = 1) => {
  const compute = new LocalCompute({ threads })
  open.push(compute)
  return compute
}
afterEach(() => Promise.all(open.splice(0).map((compute) => compute.close())))

describe('computing in worker threads', () => {
  it('aborts a job that never gives way', async () => {
    const compute = openCompute()
    const controller = new AbortController()
    const spinning = compute.run(spin, undefined, { signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    await rejection(spinning, 'ComputeAborted')
    expect(await compute.run(sum, Float64Array.of(1, 2))).toBe(3)
  })

  it('fails when the thread dies, and has another for the next job', async () => {
    const compute = openCompute()
    const error = await rejection(compute.run(die, undefined), 'ComputeFailed')
    expect(error.retryable).toBe(true)
    expect(await compute.run(sum, Float64Array.of(1, 2))).toBe(3)
  })

  it('fails jobs under way when it is closed, and those that come after', async () => {
    const compute = openCompute()
    const failed = rejection(compute.run(never, undefined), 'ComputeFailed')
    await compute.close()
    await failed
    await rejection(compute.run(sum, Float64Array.of(1)), 'ComputeFailed')
  })

  it.each([
    ['an export that is not there', sum.module, 'none'],
    ['a module that is not there', new URL('./none.ts', import.meta.url).href, 'sum'],
  ])('throws for %s', async (_, module, name) => {
    const job = defineJob(module, name, () => 1)
    await expect(openCompute().run(job, undefined)).rejects.toThrow(/none/)
  })

  it('lets the process end while threads are idle', async () => {
    const script = fileURLToPath(new URL('./idle-compute.ts', import.meta.url))
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code).toBe(0)
    expect(output).toBe('3\n')
  })
})

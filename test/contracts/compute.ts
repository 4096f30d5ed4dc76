import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Compute } from '../../platform/ports/compute.ts'
import { doubled, fail, never, overwrite, sum } from './compute-jobs.ts'
import { rejection } from './expect-error.ts'

export interface OpenCompute {
  readonly compute: Compute
  close(): Promise<void>
}

/** What every compute promises. */
export function computeContract(name: string, open: () => Promise<OpenCompute>): void {
  describe(`compute: ${name}`, () => {
    let compute: Compute
    let opened: OpenCompute
    beforeEach(async () => {
      opened = await open()
      compute = opened.compute
    })
    afterEach(() => opened.close())

    it('answers what the job answers, plain or promised, typed arrays included', async () => {
      expect(await compute.run(sum, Float64Array.of(1, 2, 3.5))).toBe(6.5)
      expect(await compute.run(doubled, { values: Float64Array.of(1, Number.NaN) })).toEqual({
        values: Float64Array.of(2, Number.NaN),
      })
    })

    it('leaves the caller’s input as it is', async () => {
      const values = Float64Array.of(1, 2)
      await compute.run(overwrite, values)
      expect(values).toEqual(Float64Array.of(1, 2))
    })

    it('hands shared memory on as it is', async () => {
      const values = new Float64Array(new SharedArrayBuffer(16)).fill(1)
      await compute.run(overwrite, values)
      expect([...values]).toEqual([0, 0])
    })

    it('knows where trainings can run', () => {
      const names = compute.places.map(({ name }) => name)
      expect(names[0]).toBe('function')
      expect(new Set(names).size).toBe(names.length)
      for (const { memoryBytes } of compute.places) expect(memoryBytes).toBeGreaterThan(2 ** 20)
    })

    it('runs many jobs at once', async () => {
      const inputs = Array.from({ length: 20 }, (_, i) => Float64Array.of(i, 1))
      const sums = await Promise.all(inputs.map((input) => compute.run(sum, input)))
      expect(sums).toEqual(inputs.map((_, i) => i + 1))
    })

    it.each(['RangeError', 'SingularMatrix', '__proto__'])(
      'throws what the job throws, by name and message: %s',
      async (errorName) => {
        const error: unknown = await compute.run(fail, errorName).catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(Error)
        expect(error).toMatchObject({ name: errorName, message: 'the matrix is singular' })
      },
    )

    it('throws an error of the table as one, with its details', async () => {
      const error = await rejection(compute.run(fail, 'ModelFileInvalid'), 'ModelFileInvalid')
      expect(error).toMatchObject({ message: 'a checksum is wrong', details: { at: 7 } })
    })

    it('aborts a job that runs, and one that has yet to', async () => {
      const controller = new AbortController()
      const running = compute.run(never, undefined, { signal: controller.signal })
      controller.abort(new Error('no longer needed'))
      const error = await rejection(running, 'ComputeAborted')
      expect(error.cause).toMatchObject({ message: 'no longer needed' })
      const late = compute.run(sum, Float64Array.of(1), { signal: controller.signal })
      await rejection(late, 'ComputeAborted')
      expect(await compute.run(sum, Float64Array.of(1))).toBe(1)
    })

    it('fails when an input or output cannot be cloned, and goes on', async () => {
      const input = Object.assign(Float64Array.of(1), {})
      const hostile = { values: input, run: () => 1 }
      await expect(compute.run(doubled, hostile)).rejects.toThrow()
      expect(await compute.run(sum, Float64Array.of(1))).toBe(1)
    })
  })
}

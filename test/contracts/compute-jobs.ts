import { defineJob } from '../../platform/ports/compute.ts'
import { MillraceError } from '../../platform/ports/errors.ts'

/** Jobs for the contract of compute: a worker thread loads them from here. */
export const sum = defineJob(import.meta.url, 'sum', (values: Float64Array) =>
  values.reduce((total, value) => total + value, 0),
)

export const doubled = defineJob(
  import.meta.url,
  'doubled',
  async ({ values }: { values: Float64Array }) => ({ values: values.map((value) => value * 2) }),
)

export const overwrite = defineJob(import.meta.url, 'overwrite', (values: Float64Array) => {
  values.fill(0)
  return values.length
})

export const fail = defineJob(import.meta.url, 'fail', (name: string): never => {
  if (name === 'ModelFileInvalid') {
    throw new MillraceError('ModelFileInvalid', 'a checksum is wrong', { details: { at: 7 } })
  }
  throw Object.assign(new Error('the matrix is singular'), { name })
})

export const never = defineJob(
  import.meta.url,
  'never',
  () =>
    new Promise<number>((resolve) => {
      setTimeout(() => resolve(1), 2 ** 30).unref()
    }),
)

export const die = defineJob(import.meta.url, 'die', (): number => process.exit(7))

export const spin = defineJob(import.meta.url, 'spin', (): number => {
  for (let i = 0; ; i++) if (i < 0) return i
})

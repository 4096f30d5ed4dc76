import { expect } from 'vitest'
import { type ErrorName, MillraceError } from '../../platform/ports/errors.ts'

/** The error of the table that `call` rejects with. */
export async function rejection(call: Promise<unknown>, name: ErrorName): Promise<MillraceError> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(MillraceError)
  expect(error).toMatchObject({ name })
  return error as MillraceError
}

import { ModelError } from './errors.ts'

/** What the engine says of arrays and WebAssembly memory that it cannot make. */
const refusals = /allocation failed|Unable to grow/

/** What `work` answers. Throws MemoryExceeded where an array that it needs cannot be made. */
export function withinMemory<Result>(owner: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RangeError) || !refusals.test(error.message)) throw error
    throw new ModelError(
      'MemoryExceeded',
      `${owner} needs more memory than there is: take fewer rows, columns or classes`,
      { cause: error },
    )
  }
}

import type { Json } from '../data.ts'
import type { Path } from './path.ts'

/** One evaluation of a path, as its filters and functions see it. */
export interface Evaluation {
  /** `$`. */
  readonly root: Json
  /** What a path finds from a value. Throws NoResult, TooMuchWork. */
  from(path: Path, start: Json): Json
  /** Counts a step. Throws TooMuchWork. */
  count(): void
  /** Whether the whole text matches. Throws TooMuchWork. */
  matches(pattern: { readonly source: string; readonly flags: string }, text: string): boolean
}

/** A path that leads nowhere. */
export class NoResult extends Error {
  override readonly name = 'NoResult'
  /** Whether its last step is an index past the end of an array. */
  readonly isPastEnd: boolean

  constructor(message: string, isPastEnd = false) {
    super(message)
    this.isPastEnd = isPastEnd
  }
}

/** A path that asks for more than one evaluation may take. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork'
}

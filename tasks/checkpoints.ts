import type { Checkpoint, LogPositions } from './drift-records.ts'

/** Most checkpoints that are kept. */
const most = 64

/** Records between two of the newest checkpoints. */
const spacing = 32

/**
 * Where a reader of the log stood as time went by. The older, the farther between: when there are too
 * many, the one goes whose neighbours are least far apart for how long ago it was.
 */
export class Checkpoints {
  readonly #checkpoints: Checkpoint[]

  constructor(checkpoints: readonly Checkpoint[] = []) {
    this.#checkpoints = [...checkpoints]
  }

  /** Notes where the reader stands after its `records`-th record, if it is time to. */
  note(records: number, at: string, positions: () => LogPositions): void {
    if (records % spacing !== 0) return
    if (this.#checkpoints.length === most) this.#thin(records)
    this.#checkpoints.push({ at, positions: positions(), records })
  }

  all(): Checkpoint[] {
    return [...this.#checkpoints]
  }

  #thin(records: number): void {
    let least = Infinity
    let at = 0
    for (let i = 0; i < this.#checkpoints.length; i++) {
      const before = this.#checkpoints[i - 1]?.records ?? 0
      const after = this.#checkpoints[i + 1]?.records ?? records
      const share = (after - before) / (records - this.#checkpoints[i]!.records)
      if (share >= least) continue
      least = share
      at = i
    }
    this.#checkpoints.splice(at, 1)
  }
}

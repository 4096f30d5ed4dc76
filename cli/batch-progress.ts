import { barLine } from './bar.ts'
import { Redrawn } from './redrawn.ts'
import { duration, type OutputStream } from './terminal.ts'

/** How far a batch is. */
export interface BatchCounts {
  readonly rows: number
  readonly rowsDone: number
  readonly ranges: number
  readonly rangesDone: number
  /** Those that are told, of which there may be more. */
  readonly failedRanges: number
}

/** Milliseconds that the rate is taken over. */
const windowMilliseconds = 15_000

/**
 * Shows on a terminal how far a batch is, how fast lately, and how long the rest will take; nothing
 * elsewhere.
 */
export class BatchProgress {
  readonly #stream: OutputStream
  readonly #redrawn: Redrawn | undefined
  readonly #now: () => number
  /** Looks at which more rows were done than before, and the first one. */
  readonly #looks: { readonly at: number; readonly rows: number }[] = []

  constructor(stream: OutputStream, now: () => number = () => performance.now()) {
    this.#stream = stream
    this.#redrawn = stream.isTTY ? new Redrawn(stream) : undefined
    this.#now = now
  }

  show(counts: BatchCounts): void {
    const now = this.#now()
    const { rows, rowsDone, ranges } = counts
    this.#note(rowsDone, now)
    const share = rows === 0 ? Number(ranges > 0) : Math.min(1, rowsDone / rows)
    const [rate, left] = this.#pace(rows - rowsDone, now)
    const line = barLine(this.#stream, { share, rate, left })
    this.#redrawn?.draw([line, `  ${standing(counts, this.#stream.columns ?? 80)}`], 'first')
  }

  #note(rows: number, at: number): void {
    if (this.#looks.at(-1)?.rows !== rows) this.#looks.push({ at, rows })
    while (this.#looks.length > 2 && at - this.#looks[1]!.at > windowMilliseconds) {
      this.#looks.shift()
    }
  }

  #pace(left: number, now: number): [rate: string, left: string] {
    const [first, last] = [this.#looks[0]!, this.#looks.at(-1)!]
    if (left <= 0 || last.rows <= first.rows) return ['', '']
    const rate = (last.rows - first.rows) / (last.at - first.at)
    const since = now - last.at
    // Rows come a range at a time: in between the time runs down, and what takes longer is slower.
    const remaining = left / rate - since
    if (remaining > 0) return [rateText(rate), `${duration(remaining)} left`]
    const slower = (last.rows - first.rows) / (now - first.at)
    return [rateText(slower), `${duration(left / slower)} left`]
  }
}

function rateText(rate: number): string {
  return `${grouped(Math.round(rate * 1000))} rows/s`
}

/** As much as there is room for. */
function standing(
  { rows, rowsDone, ranges, rangesDone, failedRanges }: BatchCounts,
  columns: number,
): string {
  if (ranges === 0) return 'the rows are divided'
  if (rowsDone >= rows) return `${grouped(rows)} rows, which are joined`
  const done = `${grouped(rowsDone)} of ${grouped(rows)} rows`
  const divided = `${done}, ${grouped(rangesDone)} of ${grouped(ranges)} ranges`
  const failed = failedRanges === 0 ? '' : `, ${grouped(failedRanges)} failed`
  const texts = [`${divided}${failed}`, `${done}${failed}`, done]
  return texts.find((text) => text.length + 2 <= columns) ?? done
}

/** As 1,234,567. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

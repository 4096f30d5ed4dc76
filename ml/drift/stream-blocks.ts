import { DriftError } from './errors.ts'
import { requireNumber, requireNumbers, requireRecord } from './validation.ts'

/** Values of a stream over some time, summed up. Times are in milliseconds since 1970. */
export interface Window {
  /** Of the first and of the last value. */
  readonly from: number
  readonly to: number
  readonly count: number
  readonly mean: number
  /** The population standard deviation. */
  readonly deviation: number
}

/** A run of neighbouring values, and whether a change was detected at the last of them. */
export interface Block extends Window {
  readonly isDrift: boolean
}

/** Blocks as plain JSON, a column each, the oldest first. `squares` sum squared deviations. */
export interface BlocksState {
  readonly counts: readonly number[]
  readonly means: readonly number[]
  readonly squares: readonly number[]
  readonly from: readonly number[]
  readonly to: readonly number[]
  /** 1 where a change was detected at the end. */
  readonly drifts: readonly number[]
}

/**
 * The history of a stream in a bounded number of blocks. A block is closed at its 16th value; when
 * there are too many, the two neighbours become one that are least long for how long ago they are. So
 * a block's length stays in proportion to its age, and what is recent is seen closely.
 */
export class StreamBlocks {
  #counts: number[] = []
  #means: number[] = []
  #squares: number[] = []
  #from: number[] = []
  #to: number[] = []
  #drifts: number[] = []
  #isOpen = false

  /** Goes on where `state()` was taken. Throws DriftStateInvalid for anything else. */
  static from(state: unknown, isOpen: boolean): StreamBlocks {
    const saved = readState(state)
    const blocks = new StreamBlocks()
    blocks.#counts = [...saved.counts]
    blocks.#means = [...saved.means]
    blocks.#squares = [...saved.squares]
    blocks.#from = [...saved.from]
    blocks.#to = [...saved.to]
    blocks.#drifts = [...saved.drifts]
    blocks.#isOpen = isOpen
    return blocks
  }

  /** Whether the newest block takes more values. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  add(value: number, at: number): void {
    if (!this.#isOpen) this.#begin(at)
    const last = this.#counts.length - 1
    const count = this.#counts[last]! + 1
    const difference = value - this.#means[last]!
    const mean = this.#means[last]! + difference / count
    this.#counts[last] = count
    this.#means[last] = mean
    this.#squares[last]! += difference * (value - mean)
    if (at < this.#from[last]!) this.#from[last] = at
    if (at > this.#to[last]!) this.#to[last] = at
    if (count === valuesOfBlock) this.#isOpen = false
  }

  /** Adds values of which only the summary is known, as a block of their own. */
  addWindow({ from, to, count, mean, deviation }: Window): void {
    this.#begin(from)
    const last = this.#counts.length - 1
    this.#counts[last] = count
    this.#means[last] = mean
    this.#squares[last] = deviation * deviation * count
    this.#to[last] = to
    this.#isOpen = false
  }

  /** Notes that a change was detected at the last value. */
  markDrift(): void {
    this.#drifts[this.#drifts.length - 1] = 1
    this.#isOpen = false
  }

  all(): Block[] {
    return this.#counts.map((count, i) => ({
      from: this.#from[i]!,
      to: this.#to[i]!,
      count,
      mean: this.#means[i]!,
      deviation: Math.sqrt(this.#squares[i]! / count),
      isDrift: this.#drifts[i] === 1,
    }))
  }

  /**
   * The last `values` values before and after the boundary of blocks that parts them best: where the
   * squared deviations from the two means are least, the estimate of a change of mean by least squares.
   * Undefined where no boundary among them has 8 values on either side.
   */
  split(values: number): { before: Window; after: Window } | undefined {
    const first = this.#firstOf(values)
    const end = this.#counts.length
    let best = 0
    let at = -1
    const whole = this.#sum(first, end)
    let count = 0
    let total = 0
    for (let i = first; i < end - 1; i++) {
      count += this.#counts[i]!
      total += this.#counts[i]! * this.#means[i]!
      const left = whole.count - count
      if (count < leastValues || left < leastValues) continue
      const difference = total / count - (whole.mean * whole.count - total) / left
      const parted = ((count * left) / whole.count) * difference * difference
      if (parted <= best) continue
      best = parted
      at = i + 1
    }
    if (at < 0) return undefined
    return { before: this.#sum(first, at), after: this.#sum(at, end) }
  }

  state(): BlocksState {
    return {
      counts: [...this.#counts],
      means: [...this.#means],
      squares: [...this.#squares],
      from: [...this.#from],
      to: [...this.#to],
      drifts: [...this.#drifts],
    }
  }

  #begin(at: number): void {
    if (this.#counts.length === maxBlocks) this.#thin()
    this.#counts.push(0)
    this.#means.push(0)
    this.#squares.push(0)
    this.#from.push(at)
    this.#to.push(at)
    this.#drifts.push(0)
    this.#isOpen = true
  }

  #thin(): void {
    let newer = valuesOfBlock
    let least = Infinity
    let at = 0
    for (let i = this.#counts.length - 2; i >= 0; i--) {
      newer += this.#counts[i + 1]!
      const share = (this.#counts[i]! + this.#counts[i + 1]!) / newer
      if (share > least) continue
      least = share
      at = i
    }
    this.#merge(at)
  }

  /** Makes one of a block and the next. */
  #merge(at: number): void {
    const { count, mean, from, to } = this.#sum(at, at + 2)
    const between = this.#means[at]! - this.#means[at + 1]!
    const weight = (this.#counts[at]! * this.#counts[at + 1]!) / count
    const squares = this.#squares[at]! + this.#squares[at + 1]! + weight * between * between
    const drift = Math.max(this.#drifts[at]!, this.#drifts[at + 1]!)
    this.#counts.splice(at, 2, count)
    this.#means.splice(at, 2, mean)
    this.#squares.splice(at, 2, squares)
    this.#from.splice(at, 2, from)
    this.#to.splice(at, 2, to)
    this.#drifts.splice(at, 2, drift)
  }

  /** The oldest block of those that hold no more than the last `values` values. */
  #firstOf(values: number): number {
    let first = this.#counts.length
    let held = 0
    while (first > 0 && held + this.#counts[first - 1]! <= values) held += this.#counts[--first]!
    return first
  }

  #sum(first: number, end: number): Window {
    let count = 0
    let mean = 0
    let squares = 0
    let from = Infinity
    let to = -Infinity
    for (let i = first; i < end; i++) {
      const added = this.#counts[i]!
      const difference = this.#means[i]! - mean
      const both = count + added
      squares += this.#squares[i]! + ((difference * difference * count) / both) * added
      mean += (difference * added) / both
      count = both
      from = Math.min(from, this.#from[i]!)
      to = Math.max(to, this.#to[i]!)
    }
    return { from, to, count, mean, deviation: count === 0 ? 0 : Math.sqrt(squares / count) }
  }
}

const valuesOfBlock = 16

/** Of fewer values a mean tells too little. */
const leastValues = 8

/** Most blocks of a stream. */
export const maxBlocks = 64

const error = 'DriftStateInvalid'

function readState(state: unknown): BlocksState {
  const names = ['counts', 'means', 'squares', 'from', 'to', 'drifts']
  const saved = requireRecord(error, 'blocks', state, names)
  const counts = requireNumbers(error, 'counts', saved.counts, { least: 1, integer: true })
  if (counts.length > maxBlocks) {
    throw new DriftError(error, `there are at most ${maxBlocks} blocks, got ${counts.length}`)
  }
  const like = (name: string, rule = {}) =>
    requireNumbers(error, name, saved[name], rule, counts.length)
  const drifts = like('drifts')
  drifts.forEach((drift) => requireNumber(error, 'drifts', drift, { least: 0, most: 1 }))
  return {
    counts,
    means: like('means'),
    squares: like('squares', { least: 0 }),
    from: like('from'),
    to: like('to'),
    drifts,
  }
}

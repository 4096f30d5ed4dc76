import * as z from 'zod'
import type { FeedbackRecord } from './prediction-records.ts'
import { textHash } from './text-hash.ts'

/** Labels that are remembered. */
const remembered = 1000

/** A label of rows that were predicted longer ago tells of how the model did then. */
const lateMs = 7 * 24 * 3600 * 1000

const count = z.number().int().nonnegative()

/** Labels of a version, by what they were. */
export const labelCounts = z.object({
  /** The first of their rows, in time: what the error is told by. */
  counted: count,
  /** Those that came again, as the log may hold a record twice. */
  repeated: count,
  /** Those that took the place of another, whose row has counted. */
  replaced: count,
  /** Those of rows that were predicted more than 7 days before. */
  late: count,
  /** Those of a prediction that is none of the model's. */
  unknown: count,
})
export type LabelCounts = z.infer<typeof labelCounts>

export const labelsSeenState = z.object({
  counts: labelCounts,
  /** Hashes of the last labels, the oldest first from `next` on. */
  hashes: z.array(z.number().int().min(0).max(0xffffffff)).max(remembered),
  next: count,
})
export type LabelsSeenState = z.infer<typeof labelsSeenState>

type FeedbackLabel = FeedbackRecord['labels'][number]

/**
 * Tells the labels of a version apart. The last 1,000 are remembered by 32 bits each: of a million
 * labels a fourth of one, on average, is taken for a repetition that is none.
 */
export class LabelsSeen {
  readonly #counts: LabelCounts
  readonly #hashes: number[]
  readonly #known: Map<number, number>
  #next: number

  constructor(state?: LabelsSeenState) {
    this.#counts = state === undefined ? noLabels() : { ...state.counts }
    this.#hashes = [...(state?.hashes ?? [])]
    this.#next = state?.next ?? 0
    this.#known = new Map()
    for (const hash of this.#hashes) this.#remember(hash)
  }

  get counts(): LabelCounts {
    return { ...this.#counts }
  }

  /** Labels of no prediction of the model. */
  addUnknown(labels: number): void {
    this.#counts.unknown += labels
  }

  /** Counts a label, and answers what it is. */
  add(feedback: FeedbackRecord, { row, label, replaced }: FeedbackLabel): keyof LabelCounts {
    const kind = this.#kindOf(feedback, replaced)
    const told = replaced === null ? '' : JSON.stringify(label)
    const hash = textHash(`${feedback.prediction} ${row} ${told}`)
    const found = this.#known.has(hash) ? 'repeated' : kind
    this.#counts[found]++
    if (found !== 'repeated') this.#note(hash)
    return found
  }

  state(): LabelsSeenState {
    return { counts: this.counts, hashes: [...this.#hashes], next: this.#next }
  }

  #kindOf(
    { at, predictedAt }: FeedbackRecord,
    replaced: FeedbackLabel['replaced'],
  ): 'counted' | 'replaced' | 'late' {
    if (replaced !== null) return 'replaced'
    const isLate = predictedAt !== null && Date.parse(at) - Date.parse(predictedAt) > lateMs
    return isLate ? 'late' : 'counted'
  }

  #note(hash: number): void {
    if (this.#hashes.length === remembered) this.#forget(this.#hashes[this.#next]!)
    this.#hashes[this.#next] = hash
    this.#next = (this.#next + 1) % remembered
    this.#remember(hash)
  }

  #remember(hash: number): void {
    this.#known.set(hash, (this.#known.get(hash) ?? 0) + 1)
  }

  #forget(hash: number): void {
    const times = this.#known.get(hash)!
    if (times === 1) this.#known.delete(hash)
    else this.#known.set(hash, times - 1)
  }
}

function noLabels(): LabelCounts {
  return { counted: 0, repeated: 0, replaced: 0, late: 0, unknown: 0 }
}

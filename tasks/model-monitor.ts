import * as z from 'zod'
import type { ServingDrift } from '../events/index.ts'
import {
  StreamMonitor,
  type Block,
  type StreamDetection,
  type StreamWindow,
  type WatchingDetector,
} from '../ml/drift/index.ts'
import { Checkpoints } from './checkpoints.ts'
import { sha256 } from './digest.ts'
import { checkpoint, logPositions, type Checkpoint, type LogPositions } from './drift-records.ts'
import { labelsSeenState, LabelsSeen, type LabelCounts } from './labels-seen.ts'
import {
  severityOf,
  standardised,
  watchingErrors,
  watchingOf,
  type MonitorPlan,
  type Reference,
  type StreamPlan,
} from './monitor-plan.ts'
import { formatModel, type ModelName } from './names.ts'
import {
  parsePredictionId,
  predictionIdPattern,
  type FeedbackRecord,
  type PredictionPlace,
} from './prediction-records.ts'
import type { ServedRows } from './served-rows.ts'
import { servedWindowState, ServedWindow } from './served-window.ts'
import { textHash } from './text-hash.ts'

/** The whole of a monitor as plain JSON, beside its plan. */
export const monitorState = z.object({
  version: z.literal(1),
  positions: logPositions,
  checkpoints: z.array(checkpoint),
  /** ISO 8601 times of the earliest and the latest record. */
  from: z.string(),
  to: z.string(),
  records: z.number().int().nonnegative(),
  requests: z.number().int().nonnegative(),
  rows: z.number().int().nonnegative(),
  broken: z.number().int().nonnegative(),
  labels: labelsSeenState,
  window: servedWindowState,
  streams: z.array(z.unknown()),
})
export type MonitorState = z.infer<typeof monitorState>

/** One stream as it is shown. */
export interface WatchedStream {
  readonly plan: StreamPlan
  readonly count: number
  readonly skipped: number
  readonly blocks: readonly Block[]
  readonly detectors: readonly { detector: WatchingDetector; estimation: number; width: number }[]
}

/**
 * Watches one version of a model by what it serves: its streams under their detectors, the labels told
 * apart, and how it did on the last labelled rows. What it comes to depends on the records and their
 * order alone.
 */
export class ModelMonitor {
  readonly plan: MonitorPlan
  readonly #of: { readonly model: ModelName; readonly version: number }
  readonly #streams: readonly StreamMonitor[]
  readonly #ofRows: readonly RowStream[]
  readonly #ofErrors: readonly { readonly stream: number; readonly unit: number }[]
  readonly #labels: LabelsSeen
  readonly #window: ServedWindow
  readonly #checkpoints: Checkpoints
  readonly #positions: Map<string, string>
  #from: string
  #to: string
  #records: number
  #requests: number
  #rows: number
  #broken: number

  private constructor(
    of: { readonly model: ModelName; readonly version: number },
    plan: MonitorPlan,
    streams: readonly StreamMonitor[],
    state?: MonitorState,
  ) {
    this.#of = of
    this.plan = plan
    this.#streams = streams
    this.#ofRows = plan.streams.flatMap((stream, i) => rowStream(stream, i) ?? [])
    this.#ofErrors = plan.streams.flatMap((stream, i) =>
      stream.watches === 'error' ? [{ stream: i, unit: stream.unit }] : [],
    )
    this.#labels = new LabelsSeen(state?.labels)
    this.#window = new ServedWindow(state?.window)
    this.#checkpoints = new Checkpoints(state?.checkpoints)
    this.#positions = new Map(Object.entries(state?.positions ?? {}))
    this.#from = state?.from ?? ''
    this.#to = state?.to ?? ''
    this.#records = state?.records ?? 0
    this.#requests = state?.requests ?? 0
    this.#rows = state?.rows ?? 0
    this.#broken = state?.broken ?? 0
  }

  /** A monitor that has seen nothing but what is known of the streams before. */
  static begin(
    of: { readonly model: ModelName; readonly version: number },
    { plan, reference }: { readonly plan: MonitorPlan; readonly reference: Reference },
  ): ModelMonitor {
    const streams = plan.streams.map((stream) => new StreamMonitor(optionsOf(plan, stream)))
    const at = Date.parse(plan.registeredAt)
    reference.forEach((values, i) => values && streams[i]!.prime(values, at))
    return new ModelMonitor(of, plan, streams)
  }

  /** Goes on exactly where `state()` was taken. */
  static from(
    of: { readonly model: ModelName; readonly version: number },
    plan: MonitorPlan,
    state: MonitorState,
  ): ModelMonitor {
    const streams = plan.streams.map((stream, i) =>
      StreamMonitor.from(state.streams[i], optionsOf(plan, stream)),
    )
    return new ModelMonitor(of, plan, streams, state)
  }

  get positions(): LogPositions {
    return Object.fromEntries(this.#positions)
  }

  get checkpoints(): Checkpoint[] {
    return this.#checkpoints.all()
  }

  /** The rows of a request, as they were asked and answered. */
  takeRows(served: ServedRows, place: PredictionPlace): ServingDrift[] {
    const found: ServingDrift[] = []
    const at = Date.parse(served.at)
    const { instances, predictions } = served
    for (let i = 0; i < instances.length; i++) {
      for (const { stream, valueOf } of this.#ofRows) {
        const value = valueOf(instances[i]!, predictions[i])
        if (value === undefined) continue
        const detections = this.#streams[stream]!.update(value, at)
        for (const one of detections) found.push(this.#drift(stream, one, place, i))
      }
    }
    this.#requests++
    this.#rows += instances.length
    this.#counted(place, served.at)
    return found
  }

  /** Labels of rows that were predicted before. */
  takeLabels(feedback: FeedbackRecord, place: PredictionPlace): ServingDrift[] {
    const found: ServingDrift[] = []
    const at = Date.parse(feedback.at)
    if (!isOwn(feedback, place)) this.#labels.addUnknown(feedback.labels.length)
    else {
      for (const [i, label] of feedback.labels.entries()) {
        if (this.#labels.add(feedback, label) !== 'counted') continue
        const error = this.#errorOf(label)
        if (error === undefined) continue
        this.#window.add(error * error)
        for (const { stream, unit } of this.#ofErrors) {
          const detections = this.#streams[stream]!.update(Math.min(error / unit, maxError), at)
          for (const one of detections) found.push(this.#drift(stream, one, place, i))
        }
      }
    }
    this.#counted(place, feedback.at)
    return found
  }

  /** A record of this version that is none. */
  takeBroken(place: PredictionPlace): void {
    this.#broken++
    this.#counted(place, this.#to)
  }

  /** Everything that is shown of it. */
  describe(): MonitorDescription {
    return {
      records: this.#records,
      requests: this.#requests,
      rows: this.#rows,
      broken: this.#broken,
      labels: this.#labels.counts,
      window: this.#windowed(),
      from: this.#from === '' ? null : this.#from,
      to: this.#to === '' ? null : this.#to,
      streams: this.plan.streams.map((plan, i) => {
        const { count, skipped, blocks, detectors } = this.#streams[i]!
        return { plan, count, skipped, blocks, detectors }
      }),
    }
  }

  state(): MonitorState {
    return {
      version: 1,
      positions: this.positions,
      checkpoints: this.checkpoints,
      from: this.#from,
      to: this.#to,
      records: this.#records,
      requests: this.#requests,
      rows: this.#rows,
      broken: this.#broken,
      labels: this.#labels.state(),
      window: this.#window.state(),
      streams: this.#streams.map((stream) => stream.state()),
    }
  }

  #counted({ shard, position }: PredictionPlace, at: string): void {
    this.#records++
    this.#positions.set(shard, position)
    if (this.#from === '' || at < this.#from) this.#from = at
    if (at > this.#to) this.#to = at
    this.#checkpoints.note(this.#records, this.#to, () => this.positions)
  }

  /** Of classes 0 or 1, of quantities their difference; undefined of what does not compare. */
  #errorOf({ label, predicted }: FeedbackRecord['labels'][number]): number | undefined {
    if (this.plan.task === 'classification') return label === predicted ? 0 : 1
    if (this.plan.task === 'clustering') return undefined
    if (typeof label !== 'number' || typeof predicted !== 'number') return undefined
    const error = Math.abs(label - predicted)
    // Beyond it a square overflows.
    return error <= 1e140 ? error : undefined
  }

  #windowed(): MonitorDescription['window'] {
    const { registered } = this.plan
    if (registered === null) return null
    const { rows, meanLoss } = this.#window
    const value = registered.metric === 'accuracy' ? 1 - meanLoss : Math.sqrt(meanLoss)
    return { metric: registered.metric, rows, value: rows === 0 ? null : value, registered }
  }

  #drift(stream: number, found: StreamDetection, place: PredictionPlace, i: number): ServingDrift {
    const { model, version } = this.#of
    const plan = this.plan.streams[stream]!
    const { detector, statistic, threshold } = found
    const { shard, position } = place
    const told = [formatModel(model), version, plan.name, detector, shard, position, i]
    return {
      source: 'serving',
      detection: sha256(JSON.stringify(told)).slice(0, 32),
      model: formatModel(model),
      version,
      stream: plan.name,
      detector,
      statistic,
      threshold,
      severity: severityOf(plan),
      before: driftWindowOf(found.before),
      after: driftWindowOf(found.after),
      changedSince: new Date(found.changedSince).toISOString(),
      detectedAt: new Date(found.detectedAt).toISOString(),
    }
  }
}

export interface MonitorDescription {
  readonly records: number
  readonly requests: number
  readonly rows: number
  readonly broken: number
  readonly labels: LabelCounts
  /** How the version did on the last labelled rows; null of a clustering. */
  readonly window: {
    readonly metric: 'accuracy' | 'rmse'
    readonly rows: number
    /** null where no row is labelled. */
    readonly value: number | null
    readonly registered: { readonly value: number; readonly rows: number }
  } | null
  readonly from: string | null
  readonly to: string | null
  readonly streams: readonly WatchedStream[]
}

/** The largest error that is taken in, in its unit: one row is no drift. */
const maxError = 10

interface RowStream {
  readonly stream: number
  /** The stream's value of a row and its answer; undefined where it has none. */
  readonly valueOf: (row: readonly unknown[], prediction: unknown) => number | undefined
}

function rowStream(plan: StreamPlan, stream: number): RowStream | undefined {
  switch (plan.watches) {
    case 'number': {
      const { column, center, unit } = plan
      return { stream, valueOf: (row) => standardisedCell(row[column], center, unit) }
    }
    case 'category': {
      const { column, category } = plan
      return { stream, valueOf: (row) => ofText(row[column], (text) => text === category) }
    }
    case 'unknown': {
      const { column } = plan
      const known = new Set(plan.known)
      const isUnknown = (text: string) => !known.has(textHash(text))
      return { stream, valueOf: (row) => ofText(row[column], isUnknown) }
    }
    case 'missing':
      return { stream, valueOf: (row) => flag(row.includes(null)) }
    case 'quantity': {
      const { center, unit } = plan
      return { stream, valueOf: (_, prediction) => standardisedCell(prediction, center, unit) }
    }
    case 'class':
      return { stream, valueOf: (_, prediction) => flag(prediction === plan.class) }
    case 'error':
      return undefined
  }
}

/** What is missing is none of the stream; any other that is no number, or infinite, is NaN. */
function standardisedCell(value: unknown, center: number, unit: number): number | undefined {
  if (value === null) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) return NaN
  return standardised(value, center, unit)
}

/** Whether a category is so; what is missing is none of the stream, and NaN what is no category. */
function ofText(value: unknown, isSo: (text: string) => boolean): number | undefined {
  if (value === null) return undefined
  if (typeof value !== 'string' && typeof value !== 'number') return NaN
  return flag(isSo(String(value)))
}

function flag(isSo: boolean): number {
  return isSo ? 1 : 0
}

function optionsOf(plan: MonitorPlan, stream: StreamPlan) {
  const streams = plan.streams.length
  return stream.watches === 'error'
    ? watchingErrors(plan.task, streams)
    : watchingOf(stream, streams)
}

/** Whether labels are of a prediction that stands before them under the same key of the log. */
function isOwn({ prediction, model }: FeedbackRecord, place: PredictionPlace): boolean {
  if (model !== formatModel(place.model) || !predictionIdPattern.test(prediction)) return false
  const { model: of, shard, position } = parsePredictionId(prediction)
  return formatModel(of) === model && shard === place.shard && position < place.position
}

function driftWindowOf({ from, to, count, mean, deviation }: StreamWindow) {
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    count,
    mean,
    deviation,
  }
}

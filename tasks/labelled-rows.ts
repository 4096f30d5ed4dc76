import type { Ports } from '../platform/ports/index.ts'
import { isMillraceError } from '../platform/ports/index.ts'
import { formatModel, type ModelName } from './names.ts'
import { createPredictionLog, type PredictionLog } from './prediction-log.ts'
import {
  feedbackRecord,
  formatPredictionId,
  parsePredictionId,
  predictionRecord,
  type FeedbackRecord,
  type Label,
  type PredictionRecord,
} from './prediction-records.ts'
import type { LabelProgress, LogCursor, RetrainingRun } from './retraining-shapes.ts'
import { servedAfter, type ServedLogRecord } from './served-log.ts'

/** Most rows that a retraining learns from: the newest. */
export const maxLabelledRows = 100_000

/** Records that one count reads at most; what is left is for the next one. */
const recordsOfCount = 20_000

/** A row as it was predicted, with the last label that it got. */
export interface LabelledInstance {
  readonly instance: readonly (number | string | null)[]
  readonly label: Label
}

/** Rows of a model that were predicted since it changed, and labelled. */
export interface LabelledRows {
  /**
   * Goes on counting from where a count before it ended. The number is exact where it is `needed` or
   * more, and below that never too low: a label that the log has twice may be counted twice.
   */
  count(
    progress: LabelProgress,
    needed: number,
    signal: AbortSignal,
  ): Promise<LabelProgress & { readonly isBehind: boolean }>
  /** In the order in which they were predicted, at most `maxLabelledRows`, the newest. */
  instances(signal: AbortSignal): Promise<LabelledInstance[]>
}

type Source = Pick<RetrainingRun, 'model' | 'version' | 'changedSince' | 'from'>

/**
 * @param source the version that predicted, since when, and a place in the log before that
 */
export function createLabelledRows(
  ports: Pick<Ports, 'log' | 'table' | 'objects' | 'clock'>,
  source: Source,
): LabelledRows {
  const predictions = createPredictionLog(ports)

  return {
    async count({ cursor, rows: before }, needed, signal) {
      const next: LogCursor = { ...cursor }
      const seen = new Set<string>()
      let read = 0
      for await (const record of servedAfter(ports, source.model, cursor, signal)) {
        if (read++ === recordsOfCount) {
          return { cursor: next, rows: before + seen.size, isBehind: true }
        }
        next[record.shard] = record.position
        const feedback = feedbackIn(record)
        if (feedback === undefined || !isSince(feedback, source)) continue
        for (const { row } of feedback.labels) seen.add(`${feedback.prediction}#${row}`)
      }
      const atMost = before + seen.size
      const rows = atMost >= needed ? sizeOf(await labels(signal)) : atMost
      return { cursor: next, rows, isBehind: false }
    },

    async instances(signal) {
      const known = await labels(signal)
      const found: (LabelledInstance & { readonly at: string; readonly id: string })[] = []
      for await (const record of servedAfter(ports, source.model, source.from, signal)) {
        const id = formatPredictionId({ ...record, model: source.model })
        const labelled = known.get(id)
        const prediction = labelled && predictionIn(record)
        if (prediction === undefined || prediction.at < source.changedSince) continue
        const { at } = prediction
        for (const one of await instancesOf(predictions, prediction, labelled!.rows)) {
          found.push({ ...one, at, id })
        }
      }
      found.sort((a, b) => (a.at === b.at ? compared(a.id, b.id) : compared(a.at, b.at)))
      return found.slice(-maxLabelledRows).map(({ instance, label }) => ({ instance, label }))
    },
  }

  /** The last label of each row, by predictions: of the newest of them, where there are too many. */
  async function labels(signal: AbortSignal): Promise<Map<string, LabelledPrediction>> {
    let found = new Map<string, LabelledPrediction>()
    let rows = 0
    for await (const record of servedAfter(ports, source.model, source.from, signal)) {
      const feedback = feedbackIn(record)
      if (feedback === undefined || !isSince(feedback, source)) continue
      const { prediction, predictedAt } = feedback
      const labelled = found.get(prediction) ?? { at: predictedAt ?? '', rows: new Map() }
      rows -= labelled.rows.size
      for (const { row, label } of feedback.labels) labelled.rows.set(row, label)
      rows += labelled.rows.size
      found.set(prediction, labelled)
      if (rows <= 2 * maxLabelledRows) continue
      found = newest(found)
      rows = sizeOf(found)
    }
    return found
  }
}

interface LabelledPrediction {
  /** When it was predicted; empty where it is not told. */
  readonly at: string
  readonly rows: Map<number, Label>
}

/** What a record says of labels; undefined of another one, and of one that is broken. */
export function feedbackIn({ record }: ServedLogRecord): FeedbackRecord | undefined {
  if (record['kind'] !== 'feedback') return undefined
  return feedbackRecord.safeParse(record).data
}

/** The labelled rows of one prediction; none of one whose contents are gone. */
export async function instancesOf(
  predictions: Pick<PredictionLog, 'contents'>,
  prediction: PredictionRecord,
  labels: ReadonlyMap<number, Label>,
): Promise<(LabelledInstance & { readonly row: number })[]> {
  const contents = await predictions.contents(prediction).catch((error: unknown) => {
    if (isMillraceError(error, 'StorageFailed')) return undefined
    throw error
  })
  if (contents === undefined) return []
  const rows = [...labels].sort(([a], [b]) => a - b)
  return rows.flatMap(([row, label]) => {
    const instance = contents.instances[row]
    return instance === undefined ? [] : [{ row, instance, label }]
  })
}

function predictionIn({ record }: ServedLogRecord): PredictionRecord | undefined {
  return predictionRecord.safeParse(record).data
}

/** Whether labels are of rows that the version predicted since the change. */
function isSince(
  { model, version, prediction, predictedAt }: FeedbackRecord,
  source: Source,
): boolean {
  if (version !== source.version || model !== formatModel(source.model)) return false
  if (predictedAt !== null) return predictedAt >= source.changedSince
  // Where the record does not tell, its place in the log does, if not as exactly.
  const place = placeOf(prediction, source.model)
  if (place === undefined) return false
  const { shard, position } = place
  return !Object.hasOwn(source.from, shard) || position > source.from[shard]!
}

function placeOf(prediction: string, model: ModelName) {
  try {
    const place = parsePredictionId(prediction)
    return formatModel(place.model) === formatModel(model) ? place : undefined
  } catch (error) {
    if (isMillraceError(error, 'PredictionNotFound')) return undefined
    throw error
  }
}

function newest(found: ReadonlyMap<string, LabelledPrediction>): Map<string, LabelledPrediction> {
  const kept: [string, LabelledPrediction][] = []
  let rows = 0
  for (const entry of [...found].sort(([, a], [, b]) => compared(b.at, a.at))) {
    kept.push(entry)
    rows += entry[1].rows.size
    if (rows >= maxLabelledRows) break
  }
  return new Map(kept)
}

function sizeOf(found: ReadonlyMap<string, LabelledPrediction>): number {
  let rows = 0
  for (const labelled of found.values()) rows += labelled.rows.size
  return Math.min(rows, maxLabelledRows)
}

function compared(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

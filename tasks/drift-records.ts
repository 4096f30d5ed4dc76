import * as z from 'zod'
import { servingDrift, type ServingDrift } from '../events/index.ts'
import type { Item } from '../platform/ports/index.ts'
import { formatModel, type ModelName } from './names.ts'
import { asJson } from './table-items.ts'

/** What the table holds of the monitors: how far the log has been read, and what was detected. */

/** How far the log of a model's predictions was read: of each of its shards, the last position. */
export const logPositions = z.record(z.string(), z.string())
export type LogPositions = z.infer<typeof logPositions>

/** Where the log's readers stood at a time. */
export const checkpoint = z.object({
  /**
   * ISO 8601 time: no record at or before `positions` is later, so that all that is later comes after
   * them. A shard that is not named had no records yet.
   */
  at: z.string(),
  positions: logPositions,
  /** How many records had counted. */
  records: z.number().int().nonnegative(),
})
export type Checkpoint = z.infer<typeof checkpoint>

/** The head of one version's monitor, beside the parts that are its state. */
export const monitorHead = z.object({
  /** Of the last records that counted for this version. */
  positions: logPositions,
  /** In order of time, at most 64: the older, the farther between. */
  checkpoints: z.array(checkpoint),
  /** How many items its state is, and how many what it watches. */
  parts: z.number().int().positive(),
  planParts: z.number().int().positive(),
  /** Grows with every write of the monitors of the model. */
  revision: z.number().int().positive(),
})
export type MonitorHead = z.infer<typeof monitorHead>

/** How far the monitors of a model have read its log: what is at or before it has counted. */
export const monitorCursor = z.object({
  revision: z.number().int().positive(),
  positions: logPositions,
})
export type MonitorCursor = z.infer<typeof monitorCursor>

/** The table's place of the cursor of a model's monitors. */
export function cursorPlace(model: ModelName) {
  return { pk: `monitor#${formatModel(model)}`, sk: 'cursor' }
}

/** The table's partition of the monitor of one version: its head and its parts. */
export function monitorPartition(model: ModelName, version: number): string {
  return `monitor#${formatModel(model)}#${version}`
}

/** The place of a version's head; its state is under `part#<i>`, what it watches under `plan#<i>`. */
export function headPlace(model: ModelName, version: number) {
  return { pk: monitorPartition(model, version), sk: 'head' }
}

export function monitorHeadOf(item: Item | undefined): MonitorHead | undefined {
  return item === undefined ? undefined : monitorHead.parse(item)
}

/** The table's partition of what drift brought about for a model. */
export function driftPartition(model: ModelName): string {
  return `drift#${formatModel(model)}`
}

/** Detections of a model are under this prefix, in order of time. */
export const detectionPrefix = 'detection#'

/** The same item whenever the same records are looked at again. */
export function detectionItem(model: ModelName, found: ServingDrift): Item {
  return {
    pk: driftPartition(model),
    sk: `${detectionPrefix}${found.detectedAt}#${found.detection}`,
    detection: asJson(found),
  }
}

export function detectionOf(item: Item): ServingDrift {
  return servingDrift.parse(item['detection'])
}

/**
 * The latest checkpoint before a time, from where a reader of the log finds all that is at or after it;
 * undefined where it has to begin at the start.
 */
export function checkpointBefore(head: MonitorHead, time: string): Checkpoint | undefined {
  return head.checkpoints.findLast(({ at }) => at < time)
}

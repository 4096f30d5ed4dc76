import * as z from 'zod'
import { driftSeverity, servingDrift, type ServingDrift } from '../events/index.ts'
import { maxBlocks } from '../ml/drift/index.ts'
import { MillraceError, type PageOptions, type Table } from '../platform/ports/index.ts'
import { detectionOf, detectionPrefix, driftPartition } from './drift-records.ts'
import { labelCounts } from './labels-seen.ts'
import type { MonitorDescription, WatchedStream } from './model-monitor.ts'
import { severityOf } from './monitor-plan.ts'
import { createMonitorStore } from './monitor-store.ts'
import { formatModel, type ModelName } from './names.ts'
import { requireHead, requireVersion, type Registry } from './registry.ts'

/** Detections that a status has with it. */
const latestDetections = 10

export const driftStatusOptions = { blocks: { most: maxBlocks, usual: 32 } } as const

const block = z.object({
  /** ISO 8601 times of the first and the last value. */
  from: z.string(),
  to: z.string(),
  count: z.number().int(),
  mean: z.number(),
  deviation: z.number(),
  /** How far the mean is from the one expected, in deviations that were expected. */
  away: z.number(),
  /** Whether a change was detected at the last value. */
  isDrift: z.boolean(),
})

const stream = z.object({
  /** `feature:<name>`, `missing`, `prediction`, `prediction:<class>` or `error`. */
  name: z.string(),
  /** Of a change in it. */
  severity: driftSeverity,
  /** Values, and those that were no number and left out. */
  count: z.number().int(),
  skipped: z.number().int(),
  expected: z.object({ mean: z.number(), deviation: z.number() }),
  /** The latest, in order of time; the first one may be what the version was trained on. */
  blocks: z.array(block),
  detectors: z.array(
    z.object({ detector: z.string(), estimation: z.number(), width: z.number().int() }),
  ),
})

/** How what a version serves compares with what it knows. */
export const driftStatus = z.object({
  model: z.string(),
  version: z.number().int(),
  /** ISO 8601 times of the first and the last record that was looked at; null before there is one. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  requests: z.number().int(),
  rows: z.number().int(),
  /** Records that could not be read. */
  broken: z.number().int(),
  labels: labelCounts,
  /** Of the last 500 labelled rows; null of a clustering, and where nothing was served. */
  metric: z
    .object({
      name: z.enum(['accuracy', 'rmse']),
      value: z.number().nullable(),
      rows: z.number().int(),
      /** On held-out rows, when the version was registered. */
      registered: z.number(),
      registeredRows: z.number().int(),
    })
    .nullable(),
  streams: z.array(stream),
  /** The latest of this version, the newest first. */
  detections: z.array(servingDrift),
})
export type DriftStatus = z.infer<typeof driftStatus>

/** What the monitors of models know. */
export interface DriftReader {
  /**
   * Of a version; without one of the champion.
   *
   * @param blocks of each stream at most, the latest
   * @throws MillraceError ModelNotFound, ModelDeleted.
   */
  status(
    model: ModelName,
    options?: { readonly version?: number | undefined; readonly blocks?: number | undefined },
  ): Promise<DriftStatus>
  /** Of all versions, the newest first. Throws ModelNotFound, ModelDeleted, CursorInvalid. */
  detections(
    model: ModelName,
    page?: PageOptions,
  ): Promise<{ detections: ServingDrift[]; cursor?: string }>
}

export function createDriftReader(table: Table, registry: Registry): DriftReader {
  const store = createMonitorStore(table)
  const reader: DriftReader = {
    async status(model, { version, blocks = driftStatusOptions.blocks.usual } = {}) {
      const asked = version ?? (await championOf(model))
      await requireVersion(registry, model, asked)
      const [stored, { detections }] = await Promise.all([
        store.monitor(model, asked),
        reader.detections(model, { limit: 100 }),
      ])
      return {
        model: formatModel(model),
        version: asked,
        ...describe(stored?.monitor.describe(), blocks),
        detections: detections.filter((one) => one.version === asked).slice(0, latestDetections),
      }
    },

    async detections(model, page = {}) {
      await requireHead(registry, model)
      const newest = { ...page, prefix: detectionPrefix, descending: true }
      const { items, cursor } = await table.query(driftPartition(model), newest)
      return { detections: items.map(detectionOf), ...(cursor === undefined ? {} : { cursor }) }
    },
  }
  return reader

  async function championOf(model: ModelName): Promise<number> {
    await requireHead(registry, model)
    const champion = await registry.alias(model, 'champion')
    if (champion !== undefined) return champion.version
    throw new MillraceError(
      'ModelNotFound',
      `${formatModel(model)} has no champion: name a version`,
    )
  }
}

function describe(
  found: MonitorDescription | undefined,
  blocks: number,
): Omit<DriftStatus, 'model' | 'version' | 'detections'> {
  if (found === undefined) return nothingServed
  const { from, to, requests, rows, broken, labels, window, streams } = found
  return {
    from,
    to,
    requests,
    rows,
    broken,
    labels,
    metric: window && {
      name: window.metric,
      value: window.value,
      rows: window.rows,
      registered: window.registered.value,
      registeredRows: window.registered.rows,
    },
    streams: streams.map((one) => describeStream(one, blocks)),
  }
}

const nothingServed = {
  from: null,
  to: null,
  requests: 0,
  rows: 0,
  broken: 0,
  labels: { counted: 0, repeated: 0, replaced: 0, late: 0, unknown: 0 },
  metric: null,
  streams: [],
}

function describeStream(watched: WatchedStream, blocks: number): DriftStatus['streams'][number] {
  const { plan, count, skipped, detectors } = watched
  const { mean: expected, deviation } = plan.expected
  return {
    name: plan.name,
    severity: severityOf(plan),
    count,
    skipped,
    expected: plan.expected,
    blocks: (blocks === 0 ? [] : watched.blocks.slice(-blocks)).map(({ from, to, ...one }) => ({
      ...one,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      away: (one.mean - expected) / Math.max(deviation, leastExpected),
    })),
    detectors: detectors.map((one) => ({ ...one })),
  }
}

/** Where next to nothing is expected to vary, a fifth is taken for a deviation. */
const leastExpected = 0.2

import { ZodError } from 'zod'
import { millraceEvent, type ServingDrift } from '../events/index.ts'
import {
  isMillraceError,
  type JsonObject,
  type LogRecord,
  type Ports,
} from '../platform/ports/index.ts'
import { isDriftError } from '../ml/drift/index.ts'
import { isModelError } from '../ml/models/errors.ts'
import type { LogPositions } from './drift-records.ts'
import { loadModel } from './model-artifact.ts'
import { ModelMonitor } from './model-monitor.ts'
import { planOf } from './monitor-plan.ts'
import { createMonitorStore, type MonitorStore, type StoredMonitor } from './monitor-store.ts'
import { formatModel, type ModelName } from './names.ts'
import { createPredictionLog } from './prediction-log.ts'
import { placeOfLogKey, predictionLogKey, type PredictionPlace } from './prediction-records.ts'
import { createRegistry, requireVersion } from './registry.ts'
import { readServed, recordWithObject, rowsOf, type ServedRecord } from './served-rows.ts'
import { Turns } from './turns.ts'

/** Models whose monitors stay in memory. */
const maxModels = 32

/** Versions of a model whose monitors are written together: a transaction has bounds. */
const maxChanged = 2

/** Versions of a model that stay in memory. */
const maxVersions = 16

/** Records that may be read before what they changed is written. */
const maxUnwritten = 10_000

export type MonitorPorts = Pick<
  Ports,
  'objects' | 'table' | 'log' | 'bus' | 'clock' | 'logger' | 'metrics'
>

export interface WatchOptions {
  /**
   * For how long, in milliseconds, what was read may stay in memory alone. The log is read again from
   * where the table stands, so that nothing is lost but time. 0 writes with every batch. @default 0
   */
  readonly unwrittenMs?: number
}

/** The monitors of all models. */
export interface Monitors {
  /** Takes in a batch of the log: records of any keys, in order for each. Throws StorageFailed. */
  watch(batch: readonly LogRecord[]): Promise<void>
  /** Writes what is in memory alone. Throws StorageFailed. */
  write(): Promise<void>
}

/** A model whose monitors are in memory. */
interface WatchedModel {
  readonly model: ModelName
  revision: number
  /** How far each shard of its log has been read. */
  readonly positions: Map<string, string>
  /** null of a version that is none, or whose model was deleted. */
  readonly versions: Map<number, StoredMonitor | null>
  readonly changed: Set<number>
  readonly found: ServingDrift[]
  unwritten: number
  mustBeWritten: boolean
  writtenAt: number
}

/**
 * Watches what is served, as a consumer of the log: each record counts once, since how far a key has
 * been read is written together with what came of it. What is detected is told on the bus before that
 * is written, so that it is told at least once, and by the same id when it is told again.
 *
 * A record that cannot be read is counted and left out. Predictions of models that are deleted are not
 * watched.
 */
export function createMonitors(ports: MonitorPorts, options: WatchOptions = {}): Monitors {
  const { unwrittenMs = 0 } = options
  const store: MonitorStore = createMonitorStore(ports.table)
  const registry = createRegistry(ports.table, ports.clock)
  const predictions = createPredictionLog(ports)
  const models = new Map<string, WatchedModel>()
  const turns = new Turns()

  return {
    async watch(batch) {
      const failures: unknown[] = []
      // A model that fails takes no other one with it: whoever gives up on the batch loses none of theirs.
      for (const { model, records } of byModel(batch)) {
        await turns
          .take(formatModel(model), () => watchModel(model, records))
          .catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },

    async write() {
      for (const [name, watched] of [...models]) {
        await turns.take(name, async () => {
          if (models.get(name) === watched && !(await written(watched))) models.delete(name)
        })
      }
    },
  }

  async function watchModel(model: ModelName, records: readonly ShardRecord[]): Promise<void> {
    const name = formatModel(model)
    try {
      for (let round = 0; round < 100; round++) {
        const known = models.get(name)
        const watched = known ?? (await load(model))
        keep(name, watched)
        const isWhole = known !== undefined || (await takeMissed(watched, records))
        if (isWhole && (await takeAll(watched, records)) && (await writtenInTime(watched))) return
        // Another has read on in the meantime: what it has counted is not counted again.
        models.delete(name)
      }
      throw new Error(`${name}: a hundred writers of its monitors collided`)
    } catch (error) {
      // What is in memory may be half of a batch.
      models.delete(name)
      throw error
    }
  }

  async function load(model: ModelName): Promise<WatchedModel> {
    const { revision, positions } = await store.cursor(model)
    return {
      model,
      revision,
      positions: new Map(Object.entries(positions)),
      versions: new Map(),
      changed: new Set(),
      found: [],
      unwritten: 0,
      mustBeWritten: false,
      writtenAt: ports.clock.now(),
    }
  }

  function keep(name: string, watched: WatchedModel): void {
    // Taken out and put back: the order of a Map is the order of its use.
    models.delete(name)
    models.set(name, watched)
    for (const [oldest, { unwritten }] of models) {
      if (models.size <= maxModels) return
      if (unwritten === 0) models.delete(oldest)
    }
  }

  /**
   * Takes in the records before these that nobody has written the outcome of. There may be any number,
   * so that what came of them is written as they are read. Answers as `takeAll` does.
   */
  async function takeMissed(
    watched: WatchedModel,
    records: readonly ShardRecord[],
  ): Promise<boolean> {
    const { model, positions } = watched
    for (const [shard, delivered] of Map.groupBy(records, (one) => one.shard)) {
      const before = delivered[0]!.position
      let after = positions.get(shard)
      while (after !== undefined && after < before) {
        const page = await ports.log.read(predictionLogKey(model, shard), { after, limit: 100 })
        const earlier = page.filter(({ position }) => position < before)
        const missed = earlier.map(({ position, record }) => ({ shard, position, record }))
        if (!(await takeAll(watched, missed))) return false
        if (watched.unwritten >= maxUnwritten && !(await written(watched))) return false
        after = earlier.length === page.length ? page.at(-1)?.position : undefined
      }
    }
    return true
  }

  /** Answers whether all was taken in, which ends where another has written. */
  async function takeAll(watched: WatchedModel, records: readonly ShardRecord[]): Promise<boolean> {
    const { model, positions } = watched
    const name = formatModel(model)
    for (const { shard, position, record } of records) {
      const counted = positions.get(shard)
      if (counted !== undefined && position <= counted) continue
      const served = readServed(record, name)
      const isOneMore = served !== undefined && !watched.changed.has(served.version)
      if (isOneMore && watched.changed.size >= maxChanged && !(await written(watched))) return false
      const stored =
        served && (watched.versions.get(served.version) ?? (await monitorOf(watched, served)))
      if (served === undefined || stored === undefined) {
        ports.metrics.record('LogRecordsUnwatched', 1, 'Count')
      } else {
        const contents = record['contents'] ?? (await contentsElsewhere(served, record))
        watched.changed.add(served.version)
        take(watched, stored.monitor, served, contents, { model, shard, position })
      }
      // A shard that the table does not name is one that nothing is read again of.
      if (counted === undefined) watched.mustBeWritten = true
      positions.set(shard, position)
      watched.unwritten++
    }
    return true
  }

  function take(
    { found }: WatchedModel,
    monitor: ModelMonitor,
    served: ServedRecord,
    contents: unknown,
    place: PredictionPlace,
  ): void {
    if (served.kind === 'feedback') {
      found.push(...monitor.takeLabels(served.feedback, place))
      return
    }
    const rows =
      served.kind === 'prediction' ? rowsOf(served.at, contents, monitor.plan.width) : undefined
    if (rows === undefined) monitor.takeBroken(place)
    else found.push(...monitor.takeRows(rows, place))
  }

  /** What was asked and answered where the record does not have it; undefined where it is gone. */
  async function contentsElsewhere(served: ServedRecord, record: JsonObject): Promise<unknown> {
    const elsewhere = served.kind === 'prediction' ? recordWithObject(record) : undefined
    if (elsewhere === undefined) return undefined
    return predictions.contents(elsewhere).catch((error: unknown) => {
      // As it is thrown of an object that is another one now, and stays so.
      if (isMillraceError(error, 'StorageFailed') && error.cause === undefined) return undefined
      if (isMillraceError(error)) throw error
      return undefined
    })
  }

  async function monitorOf(
    { model, versions, changed }: WatchedModel,
    { version }: { readonly version: number },
  ): Promise<StoredMonitor | undefined> {
    if (!versions.has(version)) {
      for (const [other] of versions) {
        if (versions.size < maxVersions) break
        if (!changed.has(other)) versions.delete(other)
      }
      versions.set(version, await findMonitor(model, version))
    }
    return versions.get(version) ?? undefined
  }

  async function findMonitor(model: ModelName, version: number): Promise<StoredMonitor | null> {
    try {
      const registered = await requireVersion(registry, model, version)
      const stored = await store.monitor(model, version)
      if (stored !== undefined) return stored
      const planned = planOf(registered, await loadModel(ports.objects, registered.artifact))
      return { version, monitor: ModelMonitor.begin({ model, version }, planned), parts: 0 }
    } catch (error) {
      const isNone =
        isMillraceError(error, 'ModelNotFound') || isMillraceError(error, 'ModelDeleted')
      if (!isNone && !isUnreadable(error)) throw error
      if (!isNone) {
        const about = { model: formatModel(model), version, error: String(error) }
        ports.logger.error('a version cannot be watched', about)
      }
      return null
    }
  }

  async function writtenInTime(watched: WatchedModel): Promise<boolean> {
    const { mustBeWritten, unwritten, writtenAt, found } = watched
    const isDue =
      mustBeWritten ||
      found.length > 0 ||
      unwritten >= maxUnwritten ||
      ports.clock.now() - writtenAt >= unwrittenMs
    return isDue ? written(watched) : true
  }

  /** Tells what was found, then writes; answers whether nobody else has written in between. */
  async function written(watched: WatchedModel): Promise<boolean> {
    const { model, revision, found, changed, versions } = watched
    if (watched.unwritten === 0) return true
    await tell(found)
    const positions: LogPositions = Object.fromEntries(watched.positions)
    const monitors = [...changed].map((version) => versions.get(version)!)
    const stored = await store.write(model, { revision, positions, monitors, detections: found })
    if (stored === undefined) return false
    for (const one of stored) versions.set(one.version, one)
    watched.revision = revision + 1
    changed.clear()
    found.length = 0
    watched.unwritten = 0
    watched.mustBeWritten = false
    watched.writtenAt = ports.clock.now()
    return true
  }

  async function tell(found: readonly ServingDrift[]): Promise<void> {
    if (found.length === 0) return
    await ports.bus.publish(found.map((one) => millraceEvent('Drift Detected', one)))
    for (const { model, version, stream, detector, severity } of found) {
      ports.logger.warn('drift detected', { model, version, stream, detector, severity })
      ports.metrics.record('DriftDetected', 1, 'Count', { severity })
    }
  }
}

/** A record without its key. */
interface ShardRecord {
  readonly shard: string
  readonly position: string
  readonly record: JsonObject
}

/** The records of predictions by their models, in the order in which they came. */
function byModel(batch: readonly LogRecord[]) {
  const places = new Map<
    string,
    { readonly shard: string; readonly records: ShardRecord[] } | null
  >()
  const models = new Map<string, { readonly model: ModelName; readonly records: ShardRecord[] }>()
  for (const { key, position, record } of batch) {
    let place = places.get(key)
    if (place === undefined) {
      const found = placeOfLogKey(key)
      place = null
      if (found !== undefined && /^\d{1,2}$/.test(found.shard)) {
        const name = formatModel(found.model)
        const ofModel = models.get(name) ?? { model: found.model, records: [] }
        models.set(name, ofModel)
        place = { shard: found.shard, records: ofModel.records }
      }
      places.set(key, place)
    }
    place?.records.push({ shard: place.shard, position, record })
  }
  return models.values()
}

/** Whether a version's own file, or what was kept of it, is none: reading it again would not help. */
function isUnreadable(error: unknown): boolean {
  return (
    isMillraceError(error, 'ModelFileInvalid') ||
    isMillraceError(error, 'ObjectNotFound') ||
    isModelError(error) ||
    isDriftError(error) ||
    error instanceof ZodError ||
    error instanceof SyntaxError
  )
}

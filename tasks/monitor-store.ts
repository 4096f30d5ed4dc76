import type { ServingDrift } from '../events/index.ts'
import { pages, type Item, type Table, type Write } from '../platform/ports/index.ts'
import {
  cursorPlace,
  detectionItem,
  headPlace,
  monitorCursor,
  monitorHead,
  monitorPartition,
  type LogPositions,
} from './drift-records.ts'
import { ModelMonitor, monitorState } from './model-monitor.ts'
import { monitorPlan } from './monitor-plan.ts'
import type { ModelName } from './names.ts'
import { attempt, ordinal } from './table-items.ts'

/** Most characters of JSON in an item: with quotes and escapes in three bytes each it still fits. */
const textOfItem = 100_000

/** Most detections in the transaction of what they were found by; more are written before. */
const detectionsWithState = 40

/** A monitor as it was read, or as it is to be written. */
export interface StoredMonitor {
  readonly version: number
  readonly monitor: ModelMonitor
  /** Items of its state that the table has; 0 of one that was never written. */
  readonly parts: number
}

/** What is written together: how far the log is read, the monitors that this changed, and what they found. */
export interface MonitorWrites {
  /** Of the cursor as it was read; 0 where there was none. */
  readonly revision: number
  readonly positions: LogPositions
  readonly monitors: readonly StoredMonitor[]
  readonly detections: readonly ServingDrift[]
}

/** The monitors of models in the table. Throws StorageFailed. */
export interface MonitorStore {
  cursor(model: ModelName): Promise<{ revision: number; positions: LogPositions }>
  monitor(model: ModelName, version: number): Promise<StoredMonitor | undefined>
  /**
   * Writes all or nothing, and tells whether it did: not when another has written since the cursor was
   * read. Answers the monitors as they are stored then.
   */
  write(model: ModelName, writes: MonitorWrites): Promise<StoredMonitor[] | undefined>
}

export function createMonitorStore(table: Table): MonitorStore {
  return {
    async cursor(model) {
      const { pk, sk } = cursorPlace(model)
      const item = await table.get(pk, sk)
      return item === undefined ? { revision: 0, positions: {} } : monitorCursor.parse(item)
    },

    async monitor(model, version) {
      const { pk, sk } = headPlace(model, version)
      // What is read of several items may be of two writes: then the head has changed in between.
      for (;;) {
        const item = await table.get(pk, sk)
        if (item === undefined) return undefined
        const head = monitorHead.parse(item)
        const [plan, state] = await Promise.all([
          readText(pk, 'plan', head.planParts),
          readText(pk, 'part', head.parts),
        ])
        const now = await table.get(pk, sk)
        if (now?.['revision'] !== head.revision) continue
        const monitor = ModelMonitor.from(
          { model, version },
          monitorPlan.parse(JSON.parse(plan)),
          monitorState.parse(JSON.parse(state)),
        )
        return { version, monitor, parts: head.parts }
      }
    },

    async write(model, { revision, positions, monitors, detections }) {
      const early = detections.slice(0, Math.max(0, detections.length - detectionsWithState))
      for (let from = 0; from < early.length; from += detectionsWithState) {
        const some = early.slice(from, from + detectionsWithState)
        await table.transact(some.map((found) => ({ put: detectionItem(model, found) })))
      }
      const writes: Write[] = [
        {
          put: { ...cursorPlace(model), revision: revision + 1, positions },
          if: revision === 0 ? 'absent' : { revision },
        },
        ...detections
          .slice(early.length)
          .map((found): Write => ({ put: detectionItem(model, found) })),
      ]
      const stored: StoredMonitor[] = []
      for (const one of monitors) {
        const { items, parts } = itemsOf(model, one, revision + 1)
        writes.push(...items)
        stored.push({ ...one, parts })
      }
      return (await attempt(table.transact(writes))) ? stored : undefined
    },
  }

  async function readText(pk: string, name: string, parts: number): Promise<string> {
    const items: Item[] = []
    const ask = (cursor?: string) => table.query(pk, { prefix: `${name}#`, cursor })
    for await (const page of pages(ask)) items.push(...page.items)
    return items
      .slice(0, parts)
      .map((item) => item['text'] as string)
      .join('')
  }
}

/** What a monitor writes, and how many items its state is. */
function itemsOf(
  model: ModelName,
  { version, monitor, parts: before }: StoredMonitor,
  revision: number,
): { items: Write[]; parts: number } {
  const pk = monitorPartition(model, version)
  const state = textParts(JSON.stringify(monitor.state()))
  const plan = textParts(JSON.stringify(monitor.plan))
  const part = (name: string, i: number) => ({ pk, sk: `${name}#${ordinal(i)}` })
  const head = {
    ...headPlace(model, version),
    revision,
    positions: monitor.positions,
    checkpoints: monitor.checkpoints,
    parts: state.length,
    planParts: plan.length,
  }
  const items: Write[] = [{ put: head }]
  for (const [i, text] of state.entries()) items.push({ put: { ...part('part', i), text } })
  for (let i = state.length; i < before; i++) items.push({ delete: part('part', i) })
  if (before === 0) {
    for (const [i, text] of plan.entries()) items.push({ put: { ...part('plan', i), text } })
  }
  return { items, parts: state.length }
}

/** A text in pieces, none of which ends within a character. */
function textParts(text: string): string[] {
  const parts: string[] = []
  for (let from = 0; from < text.length;) {
    let end = Math.min(from + textOfItem, text.length)
    if (/[\uD800-\uDBFF]/.test(text[end - 1]!) && end < text.length) end--
    parts.push(text.slice(from, end))
    from = end
  }
  return parts
}

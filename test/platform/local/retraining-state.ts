import type { LogRecord, Ports } from '../../../platform/ports/index.ts'
import { memoryPorts } from '../../../platform/testing/index.ts'
import { createDriftReader } from '../../../tasks/drift-status.ts'
import { createMonitors } from '../../../tasks/monitors.ts'
import { createMonitorStore } from '../../../tasks/monitor-store.ts'
import { predictionLogKey } from '../../../tasks/prediction-records.ts'
import { createRegistry } from '../../../tasks/registry.ts'
import { createRetrainingDecisions } from '../../../tasks/retraining-decisions.ts'
import { monthOf, usageOf } from '../../../tasks/usage.ts'

export const parts = { user: 'ada', dataset: 'parts' }

const workflows = ['retraining', 'training'] as const
const versions = [0, 1]

/** Whether a retraining has ended, no execution runs, and all that was served has been read. */
export async function isAtRest(ports: Ports): Promise<boolean> {
  const { decisions } = await createRetrainingDecisions(ports.table, ports.clock).list(parts)
  const claimed = decisions.find(({ outcome }) => outcome === 'claimed')?.execution
  const isOver = decisions.some(
    ({ execution, step }) => execution === claimed && (step === 'ended' || step === 'failed'),
  )
  if (!isOver) return false
  for (const workflow of workflows) {
    const { executions } = await ports.executions.list({ workflow, status: 'RUNNING' })
    if (executions.length > 0) return false
  }
  const key = predictionLogKey(parts, '0')
  const counted = await ports.table.get('usage-counted', key)
  return counted?.['position'] === (await served(ports)).at(-1)!.position
}

/** All that a retraining leaves behind, without what another run of it has otherwise: ids and times. */
export async function leftBehind(ports: Ports) {
  const { table, clock, objects, executions } = ports
  const registry = createRegistry(table, clock)
  const { decisions } = await createRetrainingDecisions(table, clock).list(parts, { limit: 100 })
  const claimed = decisions.filter(({ outcome }) => outcome === 'claimed')
  const own = decisions.filter(({ execution }) => execution === claimed[0]?.execution)
  const { items } = await table.query('drift#ada/parts', { limit: 1000 })
  const lease = items.find(({ sk }) => sk === 'lease')
  const trainings = await executions.list({ workflow: 'training', limit: 100 })
  const { objects: written } = await objects.list('', { limit: 1000 })
  const requested = written.filter(({ key }) => /^(?:retraining|requests)\//.test(key))
  const found = await registry.versions(parts)
  const used = await usageOf(table, parts.user, monthOf(clock.now()))
  return {
    claims: claimed.length,
    decisions: own.toReversed().map(({ step, outcome, numbers }) => ({
      decision: `${step}: ${outcome}`,
      numbers: Object.fromEntries(Object.entries(numbers).filter(([name]) => !drawn.has(name))),
    })),
    lease: { isHeld: lease?.['isHeld'], runs: lease?.['runs'] },
    watches: items.filter(({ sk }) => sk.startsWith('watch#')).length,
    champions: (await registry.aliasHistory(parts, 'champion')).map(({ to }) => to),
    versions: found.versions.map(({ version, metrics }) => ({ version, metrics })),
    trainings: trainings.executions.map(({ status }) => status),
    objects: await Promise.all(
      requested.map(async ({ key }) => {
        const kept = await objects.versions(key)
        return { folder: key.split('/')[0], versions: kept.length, size: kept[0]!.size }
      }),
    ),
    usage: used,
  }
}

/** Numbers that depend on the time that something took, or on the name of the execution. */
const drawn = new Set(['secondsWaited', 'secondsTrained', 'lower', 'upper'])

/** What was served and labelled, by the log itself. */
export async function servedRows(ports: Ports) {
  const counts = { predictions: 0, predictionRequests: 0, feedback: 0 }
  for (const { record } of await served(ports)) {
    if (record['kind'] === 'prediction') {
      counts.predictions += Number(record['rows'])
      counts.predictionRequests++
    } else counts.feedback += (record['labels'] as unknown[]).length
  }
  return counts
}

/** What the monitors have kept; and what one reading of the log from its start, by others, comes to. */
export async function monitored(ports: Ports) {
  const alone = memoryPorts()
  const { items } = await ports.table.query('model#ada/parts', { limit: 1000 })
  for (const item of items) await alone.table.put(item)
  const others = { ...alone, objects: ports.objects, log: ports.log, clock: ports.clock }
  await createMonitors(others).watch(await served(ports))
  return { kept: await monitorsIn(ports), undisturbed: await monitorsIn(others) }
}

async function monitorsIn({ table, clock }: Pick<Ports, 'table' | 'clock'>) {
  const store = createMonitorStore(table)
  const monitors = await Promise.all(versions.map((version) => store.monitor(parts, version)))
  const reader = createDriftReader(table, createRegistry(table, clock))
  const { detections } = await reader.detections(parts, { limit: 100 })
  return { states: monitors.map((one) => one?.monitor.state()), detections }
}

async function served(ports: Pick<Ports, 'log'>): Promise<LogRecord[]> {
  return ports.log.read(predictionLogKey(parts, '0'), { limit: 1000 })
}

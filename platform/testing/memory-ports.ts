import type { EventEnvelope } from '../../events/envelope.ts'
import type { Place, Ports } from '../ports/index.ts'
import { MemoryBus } from './memory-bus.ts'
import { MemoryCompute } from './memory-compute.ts'
import { RecordingExecutions } from './memory-executions.ts'
import { MemoryLog } from './memory-log.ts'
import { MemoryObjects } from './memory-objects.ts'
import {
  ManualClock,
  type RecordedLine,
  RecordingLogger,
  RecordingMetrics,
} from './memory-observability.ts'
import { MemoryQueue } from './memory-queue.ts'
import { MemoryTable } from './memory-table.ts'

/** All ports in memory, with what a test looks at. */
export interface MemoryPorts extends Ports {
  readonly objects: MemoryObjects
  readonly table: MemoryTable
  readonly queue: MemoryQueue
  readonly bus: MemoryBus
  readonly log: MemoryLog
  readonly executions: RecordingExecutions
  readonly compute: MemoryCompute
  readonly clock: ManualClock
  readonly logger: RecordingLogger
  readonly metrics: RecordingMetrics
  /** Every event on the bus so far: those that were published, and those of the object store. */
  readonly published: readonly EventEnvelope[]
  readonly logLines: readonly RecordedLine[]
}

export interface MemoryPortsOptions {
  /** @default 'millrace' */
  readonly bucket?: string
  /** Where the clock stands, in milliseconds since 1970. @default 2026-01-01T00:00:00Z */
  readonly now?: number
  /** Shares a clock with something else; `now` is then not used. */
  readonly clock?: ManualClock
  /** Deliveries of a queue's message before it is a dead letter. @default 5 */
  readonly maxReceives?: number
  /** Where a training can run. @default a function with 16 GiB and no time limit */
  readonly places?: readonly Place[]
}

/**
 * Ports for tests of tasks: the promises of the real ones, in memory, with a clock that only the
 * test moves. Executions are recorded and not run.
 */
export function memoryPorts(options: MemoryPortsOptions = {}): MemoryPorts {
  const clock = options.clock ?? new ManualClock(options.now ?? Date.UTC(2026, 0, 1))
  const bus = new MemoryBus(clock)
  const logger = new RecordingLogger()
  const { maxReceives } = options
  return {
    objects: new MemoryObjects({ bucket: options.bucket ?? 'millrace', clock, bus }),
    table: new MemoryTable(),
    queue: new MemoryQueue({ clock, ...(maxReceives === undefined ? {} : { maxReceives }) }),
    bus,
    log: new MemoryLog(),
    executions: new RecordingExecutions(clock),
    compute: new MemoryCompute(options.places),
    clock,
    logger,
    metrics: new RecordingMetrics(),
    published: bus.published,
    logLines: logger.lines,
  }
}

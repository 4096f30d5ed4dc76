import type { Bus } from './bus.ts'
import type { Compute } from './compute.ts'
import type { Executions } from './executions.ts'
import type { Log } from './log.ts'
import type { Clock, Logger, Metrics } from './observability.ts'
import type { Objects } from './objects.ts'
import type { Queue } from './queue.ts'
import type { Table } from './table.ts'

/** All that a task may ask of the world. */
export interface Ports {
  readonly objects: Objects
  readonly table: Table
  readonly queue: Queue
  readonly bus: Bus
  readonly log: Log
  readonly executions: Executions
  readonly compute: Compute
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

export type * from './bus.ts'
export * from './compute.ts'
export * from './errors.ts'
export type * from './executions.ts'
export type * from './json.ts'
export type * from './log.ts'
export * from './objects.ts'
export type * from './observability.ts'
export * from './pages.ts'
export type * from './queue.ts'
export type * from './table.ts'

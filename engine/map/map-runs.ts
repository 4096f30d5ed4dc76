import type * as api from '../api-types.ts'
import type { Clock } from '../clock.ts'
import type { StateMachine } from '../definition/states.ts'
import { listExecution } from '../descriptions.ts'
import { EngineError } from '../errors.ts'
import type { Execution, ExecutionStatus } from '../execution.ts'
import { checkPageSize, pageToken, readPageToken } from '../requests.ts'
import type { Runner } from '../runner.ts'
import type { Scheduler } from '../scheduler.ts'
import type { StateMachines } from '../state-machines.ts'
import type { ExecutionRow, Store } from '../store.ts'
import { childArnOf, childNameOf, childStateMachineOf } from './arns.ts'
import type { Batch } from './batches.ts'
import { checkUpdate, describeMapRun, processorIn } from './describe.ts'
import { isChild, isExpress, processorOf } from './children.ts'
import { type ChildExecutions, MapRunner, type MapRunPlace } from './map-runner.ts'
import type { ObjectStore } from './objects.ts'
import { changedColumns, newRow } from './record.ts'
import type { MapRun, MapRunEvent } from './run.ts'
import { type MapRunRow, MapStore } from './store.ts'

/** What map runs need of the executions that they are part of, and that they start. */
export interface MapRunsOptions {
  readonly store: Store
  readonly stateMachines: StateMachines
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly objects: ObjectStore | undefined
  readonly onError: (error: unknown, executionArn: string) => void
  readonly runnerOf: (row: ExecutionRow) => Runner
  readonly activateSoon: (id: number) => void
  readonly tellStatus: (id: number) => void
}

/** Milliseconds after which a map run whose step could not be stored goes on. */
const retryDelay = 1000
const itemsDeletedAtOnce = 5000
const childrenStoppedAtOnce = 50

/** The map runs of all executions, and the operations on them. */
export class MapRuns implements ChildExecutions {
  readonly #options: MapRunsOptions
  readonly #store: MapStore
  readonly #runners = new Set<MapRunner>()
  /** Who is to be told of the end of a child execution. */
  readonly #parents = new Map<number, MapRunner>()
  readonly #machines = new WeakMap<StateMachine, Map<string, StateMachine>>()
  readonly #retries = new Set<() => void>()
  #digest = { mapRun: 0, digest: '' }

  constructor(options: MapRunsOptions) {
    this.#options = options
    this.#store = new MapStore(options.store)
  }

  /** Ends what a crash left of map runs that had ended. */
  resume(): void {
    for (const id of this.#store.endedWithRunningChildren()) this.#stopChildrenSoon(id)
    for (const id of this.#store.withUselessItems()) this.#deleteItemsSoon(id)
  }

  close(): void {
    for (const runner of this.#runners) runner.close()
    for (const cancel of this.#retries) cancel()
    this.#store.close()
  }

  /** Sees to it that a map run goes on; the answer ends that. */
  pursue(place: MapRunPlace): () => void {
    const row = this.#store.byArn(place.run.mapRun!.arn)!
    const { clock, scheduler, objects } = this.#options
    const runner: MapRunner = new MapRunner(
      {
        clock,
        scheduler,
        objects,
        store: this.#store,
        children: this,
        failed: (error) => {
          this.#options.onError(error, place.execution.arn)
          this.#beginLater(runner)
        },
      },
      place,
      row,
      (child) => this.#parents.set(child, runner),
    )
    this.#runners.add(runner)
    runner.begin()
    return () => {
      runner.close()
      this.#runners.delete(runner)
    }
  }

  /** What was stored since is taken back: what is in memory is made of what is stored again. */
  takenBack(): void {
    for (const runner of this.#runners) this.#beginLater(runner)
  }

  /** Keeps what lists and descriptions read, within the transaction that logs the event. */
  record(execution: Execution, event: MapRunEvent): void {
    const { scope } = event
    if (event.type === 'MapRunStarted') {
      this.#store.insert(newRow(execution, event))
      return
    }
    const columns = changedColumns(event)
    if (columns === undefined) return
    this.#store.update(execution.id, scope, columns)
    if (columns.status === undefined || columns.status === 'RUNNING') return
    const { id } = this.#store.newest(execution.id, scope)!
    if (columns.status === 'SUCCEEDED') this.#deleteItemsSoon(id)
    else this.#stopChildrenSoon(id)
  }

  childEnded(execution: number, status: ExecutionStatus): void {
    this.#parents.get(execution)?.childEnded(execution, status)
    this.#parents.delete(execution)
  }

  /** The state machine of a child execution: the processor of its Map. */
  machineOf(row: ExecutionRow): StateMachine {
    const whole = this.#options.stateMachines.machine(row.digest)
    const label = row.stateMachineName.slice(row.stateMachineName.indexOf('/') + 1)
    let machines = this.#machines.get(whole)
    if (machines === undefined) {
      machines = new Map<string, StateMachine>()
      this.#machines.set(whole, machines)
    }
    let machine = machines.get(label)
    if (machine === undefined) {
      machine = { ...processorOf(whole, label)!, timeoutSeconds: undefined }
      machines.set(label, machine)
    }
    return machine
  }

  /** What the description of an execution has in addition when a map run started it. */
  descriptionOf(row: ExecutionRow): { readonly mapRunArn?: string } {
    const run = this.#runOf(row)
    return run === undefined ? {} : { mapRunArn: run.arn }
  }

  /** As above, of its state machine. */
  stateMachineOf(row: ExecutionRow): Partial<api.StateMachineForExecution> {
    const run = this.#runOf(row)
    if (run === undefined) return {}
    const definition = this.#options.store.definition(row.digest)
    return {
      definition: JSON.stringify(processorIn(definition, run.state)),
      mapRunArn: run.arn,
      label: run.label,
    }
  }

  start(parent: Execution, row: MapRunRow, mapRun: MapRun, batch: Batch): number {
    const { store, clock, tellStatus, activateSoon } = this.#options
    const { executionType, label } = mapRun.settings
    const stateMachine = childStateMachineOf(parent, label)
    const name = childNameOf(mapRun.arn, batch.item)
    const time = clock.now()
    const { roleArn } = parent
    const id = store.transaction(() => {
      const inserted = store.insertExecution({
        arn: childArnOf(stateMachine.arn, name, executionType),
        name,
        stateMachineArn: stateMachine.arn,
        stateMachineName: stateMachine.name,
        roleArn,
        digest: this.#digestOf(parent, row),
        status: 'RUNNING',
        startTime: time,
        input: batch.input.text,
        redriveCount: 0,
      })
      const { item, items } = batch
      const { redriveCount: round } = mapRun
      this.#store.insertChild({ execution: inserted, mapRun: row.id, item, items, round })
      if (executionType === 'STANDARD') {
        const started = { type: 'ExecutionStarted', input: batch.input, roleArn } as const
        store.appendEvents(inserted, [{ seq: 1, id: 1, previous: 0, time, scope: 0, ...started }])
        tellStatus(inserted)
      }
      return inserted
    })
    activateSoon(id)
    return id
  }

  stop(execution: number): void {
    const row = this.#options.store.executionById(execution)
    if (row?.status === 'RUNNING') this.#options.runnerOf(row).stop({})
  }

  redrive(execution: number, round: number): void {
    const { store, clock, activateSoon } = this.#options
    const row = store.executionById(execution)!
    let runner: Runner | undefined
    try {
      store.transaction(() => {
        this.#store.setRound(execution, round)
        if (!isExpress(row)) {
          runner = this.#options.runnerOf(row)
          runner.redrive()
          return
        }
        store.updateExecution(execution, {
          status: 'RUNNING',
          stopTime: null,
          output: null,
          error: null,
          cause: null,
          redriveCount: row.redriveCount + 1,
          redriveTime: clock.now(),
        })
        activateSoon(execution)
      })
    } catch (error) {
      // It may have gone on in memory.
      runner?.fail(error)
      throw error
    }
  }

  describe(input: { readonly mapRunArn: string }): api.MapRunDescription {
    const row = this.#row(input.mapRunArn)
    const { arn } = this.#options.store.executionById(row.execution)!
    return describeMapRun(row, arn, this.#store.counts(row.id, row.redriveCount))
  }

  /** @param execution that the map runs belong to */
  list(execution: ExecutionRow, input: api.Page): api.ListMapRunsOutput {
    const limit = checkPageSize(input.maxResults)
    const before = Number(readPageToken('ListMapRuns', input.nextToken) ?? Number.MAX_SAFE_INTEGER)
    const rows = this.#store.ofExecution(execution.id, before, limit + 1)
    const page = rows.slice(0, limit)
    return {
      mapRuns: page.map((row) => ({
        executionArn: execution.arn,
        mapRunArn: row.arn,
        stateMachineArn: execution.stateMachineArn,
        startDate: new Date(row.startTime),
        ...(row.stopTime === null ? {} : { stopDate: new Date(row.stopTime) }),
      })),
      ...(rows.length > limit ? { nextToken: pageToken('ListMapRuns', page.at(-1)!.id) } : {}),
    }
  }

  update(input: api.UpdateMapRunInput): Record<string, never> {
    const row = this.#row(input.mapRunArn)
    const change = checkUpdate(input)
    if (row.status !== 'RUNNING') {
      throw new EngineError(
        'ValidationException',
        `only a map run that is RUNNING can be updated; ${row.arn} is ${row.status}`,
      )
    }
    const parent = this.#options.store.executionById(row.execution)!
    this.#options.runnerOf(parent).updateMapRun(row.scope, change)
    return {}
  }

  /** ListExecutions with a mapRunArn. */
  listExecutions(input: api.ListExecutionsInput): {
    executions: api.ExecutionListItem[]
    nextToken?: string
  } {
    const row = this.#row(input.mapRunArn)
    const limit = checkPageSize(input.maxResults)
    const before = Number(
      readPageToken('ListExecutions', input.nextToken) ?? Number.MAX_SAFE_INTEGER,
    )
    const rows = this.#store.list(row, input.statusFilter, before, limit + 1)
    const page = rows.slice(0, limit)
    return {
      executions: page.map((child) => ({
        ...listExecution(child),
        mapRunArn: row.arn,
        itemCount: child.items,
      })),
      ...(rows.length > limit ? { nextToken: pageToken('ListExecutions', page.at(-1)!.id) } : {}),
    }
  }

  #row(arn: unknown): MapRunRow {
    if (typeof arn !== 'string' || !/^arn:[^:]*:states:[^:]*:[^:]*:mapRun:./.test(arn)) {
      throw new EngineError(
        'InvalidArn',
        `Invalid Arn: expected arn:aws:states:…:mapRun:…; found ${JSON.stringify(arn)}`,
      )
    }
    const row = this.#store.byArn(arn)
    if (row !== undefined) return row
    throw new EngineError('ResourceNotFound', `Resource not found: '${arn}'`)
  }

  #runOf(row: ExecutionRow): MapRunRow | undefined {
    return isChild(row) ? this.#store.parentOf(row.id) : undefined
  }

  /** Of the definition that the parent runs by: one look for all children of a map run. */
  #digestOf(parent: Execution, { id }: MapRunRow): string {
    if (this.#digest.mapRun !== id) {
      const { digest } = this.#options.store.executionById(parent.id)!
      this.#digest = { mapRun: id, digest }
    }
    return this.#digest.digest
  }

  #beginLater(runner: MapRunner): void {
    runner.pause()
    const { clock } = this.#options
    const cancel = clock.setTimer(clock.now() + retryDelay, () => {
      this.#retries.delete(cancel)
      if (this.#runners.has(runner)) runner.begin()
    })
    this.#retries.add(cancel)
  }

  /** Of a map run that has ended, unless its end is taken back. */
  #stopChildrenSoon(mapRun: number): void {
    this.#options.scheduler.add(() => {
      if (this.#store.byId(mapRun)?.status === 'RUNNING') return
      const running = this.#store.runningChildren(mapRun, childrenStoppedAtOnce)
      try {
        for (const { execution } of running) this.stop(execution)
      } catch (error) {
        // The next opening stops them.
        this.#options.onError(error, this.#store.byId(mapRun)?.arn ?? '')
        return
      }
      if (running.length > 0) this.#stopChildrenSoon(mapRun)
    })
  }

  #deleteItemsSoon(mapRun: number): void {
    this.#options.scheduler.add(() => {
      if (this.#store.byId(mapRun)?.status !== 'SUCCEEDED') return
      try {
        if (this.#store.deleteItems(mapRun, itemsDeletedAtOnce)) this.#deleteItemsSoon(mapRun)
      } catch (error) {
        // The next opening deletes them.
        this.#options.onError(error, this.#store.byId(mapRun)?.arn ?? '')
      }
    })
  }
}

import type { Clock } from '../clock.ts'
import { Data, dataLimitExceeded, type Json } from '../data.ts'
import type { MapState } from '../definition/states.ts'
import { errorNames, type Failure, isEngineError } from '../errors.ts'
import type { Execution, ExecutionStatus, Scope, StateRun } from '../execution.ts'
import { limits } from '../limits.ts'
import type { Scheduler } from '../scheduler.ts'
import { StateFault, type Turn } from '../turn.ts'
import { childStateMachineOf } from './arns.ts'
import { type Batch, Batches, inputOf } from './batches.ts'
import { ItemReaderFault } from './items/text.ts'
import { type Item, readItems } from './items/read.ts'
import type { ObjectStore } from './objects.ts'
import { gatherResults, type ResultSource, writeResults } from './results.ts'
import { isExceeded, type MapRun } from './run.ts'
import type { ChildExecutionRow, MapRunRow, MapStore } from './store.ts'
import { ItemRecorder } from './recorder.ts'
import { failMapRun, succeedMapRun, toleranceFailure } from './transitions.ts'

/** What starts and ends child executions. Each of these commits by itself, and nests in a transaction. */
export interface ChildExecutions {
  start(parent: Execution, row: MapRunRow, mapRun: MapRun, batch: Batch): number
  stop(execution: number): void
  redrive(execution: number, round: number): void
}

export interface MapRunServices {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly store: MapStore
  readonly objects: ObjectStore | undefined
  readonly children: ChildExecutions
  /** A step could not be stored: `begin` is to be called again later. */
  failed(error: unknown): void
}

/** The place of a map run in the execution that it belongs to. */
export interface MapRunPlace {
  readonly execution: Execution
  readonly scope: Scope
  readonly run: StateRun
  /** A turn to evaluate in, which is not committed. */
  newTurn(): Turn
  /** Takes a turn, if the execution still runs. */
  take(body: (turn: Turn) => void): void
}

/** Child executions that are started, and items that are prepared, before others get their turn. */
const stepSize = { children: 20, items: 200 }
/** Rows that are read or deleted together. */
const chunkSize = 500

/**
 * Pursues one map run: records its items, starts child executions for them as far as MaxConcurrency
 * allows, and ends it. Like everything that is pursued it begins anew from what is stored, after a
 * restart as after a redrive: the child executions that there are tell which items are done.
 *
 * The items of a dataset are read once and recorded, before the first child execution starts: an
 * object or a listing may have changed when the engine is opened again or the run is redriven, and a
 * run that reads twice would then process some items twice and others not at all. So the number of
 * items is known from the start, too, which a tolerated percentage needs.
 */
export class MapRunner {
  readonly #services: MapRunServices
  readonly #place: MapRunPlace
  readonly #row: MapRunRow
  readonly #mapRun: MapRun
  readonly #onChild: (execution: number) => void
  /** How many items each child execution that runs has. */
  readonly #running = new Map<number, number>()
  #failedItems = 0
  #pendingRedrive = true
  #next = 0
  #batches: Batches
  /** Items that were taken up and are not started. */
  #chunk: { readonly first: number; readonly items: readonly Item[] } = { first: 0, items: [] }
  #isScheduled = false
  #isEnding = false
  /** Counts beginnings: what belongs to an earlier one stops when it comes to itself. */
  #epoch = 0
  #isPaused = false
  #closed = false

  /** @param onChild is told of each child execution whose end is to be reported by `childEnded` */
  constructor(
    services: MapRunServices,
    place: MapRunPlace,
    row: MapRunRow,
    onChild: (execution: number) => void,
  ) {
    this.#services = services
    this.#place = place
    this.#row = row
    this.#mapRun = place.run.mapRun!
    this.#onChild = onChild
    this.#batches = this.#newBatches()
  }

  /** Begins, in later turns of the event loop; begins anew when it had begun. */
  begin(): void {
    const epoch = this.#renew()
    this.#isPaused = false
    this.#running.clear()
    this.#failedItems = 0
    this.#pendingRedrive = true
    if (this.#mapRun.total === undefined) {
      void this.#read(epoch)
      return
    }
    const { store } = this.#services
    this.#next = store.nextItem(this.#row.id)
    this.#batches = this.#newBatches()
    for (const { execution, items } of store.runningChildren(this.#row.id)) {
      this.#addRunning(execution, items)
    }
    for (const { status, isCurrent, items } of store.counts(
      this.#row.id,
      this.#mapRun.redriveCount,
    )) {
      if (isCurrent && status !== 'RUNNING' && status !== 'SUCCEEDED') this.#failedItems += items
    }
    this.#schedule()
  }

  childEnded(execution: number, status: ExecutionStatus): void {
    const items = this.#running.get(execution)
    if (this.#closed || items === undefined) return
    this.#running.delete(execution)
    if (status !== 'SUCCEEDED') this.#failedItems += items
    this.#schedule()
  }

  /** Does nothing until it begins anew. */
  pause(): void {
    this.#renew()
    this.#isPaused = true
  }

  /** Leaves the map run, and its child executions, as they are stored. */
  close(): void {
    this.#closed = true
  }

  #renew(): number {
    this.#isScheduled = false
    this.#isEnding = false
    return ++this.#epoch
  }

  #isOver(epoch: number): boolean {
    return this.#closed || epoch !== this.#epoch
  }

  get #state(): MapState {
    return this.#place.run.state as MapState
  }

  #newBatches(): Batches {
    return new Batches(this.#mapRun.settings.batch, this.#state.name, this.#next)
  }

  #addRunning(child: number, items: number): void {
    this.#running.set(child, items)
    this.#onChild(child)
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isEnding || this.#isPaused || this.#closed) return
    this.#isScheduled = true
    const epoch = this.#epoch
    this.#services.scheduler.add(() => {
      if (this.#isOver(epoch)) return
      this.#isScheduled = false
      try {
        this.#step()
      } catch (error) {
        this.#services.failed(error)
      }
    })
  }

  async #read(epoch: number): Promise<void> {
    const { clock, store, objects } = this.#services
    const release = clock.hold?.('handler') ?? (() => undefined)
    try {
      while (store.deleteItems(this.#row.id, chunkSize)) await new Promise(setImmediate)
      if (objects === undefined) {
        throw new ItemReaderFault('The engine was opened without objects to read.')
      }
      const total = await this.#record(objects, epoch)
      if (this.#isOver(epoch)) return
      this.#take((turn) => {
        turn.emit(this.#place.scope.id, { type: 'MapRunItemsRead', total })
      })
    } catch (error) {
      if (this.#isOver(epoch)) return
      if (isEngineError(error)) {
        this.#services.failed(error)
        return
      }
      const failure = { error: errorNames.itemReaderFailed, cause: messageOf(error) }
      this.#take((turn) => {
        failMapRun(turn, this.#place.scope, this.#place.run, failure, true)
      })
    } finally {
      release()
    }
  }

  async #record(objects: ObjectStore, epoch: number): Promise<number> {
    const { store } = this.#services
    const recorder = new ItemRecorder((chunk) => {
      store.putItems(this.#row.id, chunk)
    })
    for await (const item of readItems(this.#mapRun.settings.reader!, objects)) {
      if (!recorder.add(item)) continue
      // A source that has everything at hand would hold up the process.
      await new Promise(setImmediate)
      if (this.#isOver(epoch)) return recorder.count
    }
    if (!this.#isOver(epoch)) recorder.flush()
    return recorder.count
  }

  /** Starts what can be started, in a few transactions, and ends the run when nothing is left. */
  #step(): void {
    if (this.#mapRun.failing !== undefined) {
      this.#stopChildren(this.#mapRun.failing)
      return
    }
    const total = this.#mapRun.total!
    if (isExceeded(this.#mapRun.tolerance, this.#failedItems, total)) {
      this.#fail(toleranceFailure)
      return
    }
    try {
      this.#redriveSome()
      this.#services.store.transaction(() => {
        this.#startSome()
      })
    } catch (error) {
      if (!(error instanceof StateFault)) throw error
      this.#fail(error)
      return
    }
    const isAllStarted = this.#next >= total && !this.#pendingRedrive
    if (!isAllStarted && this.#running.size < this.#capacity) this.#schedule()
    if (isAllStarted && this.#running.size === 0) void this.#finish()
  }

  get #capacity(): number {
    return Math.min(this.#mapRun.maxConcurrency || Infinity, limits.mapRunConcurrency)
  }

  #redriveSome(): void {
    if (!this.#pendingRedrive) return
    const { store, children } = this.#services
    const { redriveCount } = this.#mapRun
    const most = Math.min(stepSize.children, this.#capacity - this.#running.size)
    if (most <= 0) return
    const found = store.toRedrive(this.#row.id, redriveCount, most)
    for (const { execution, items } of found) {
      this.#addRunning(execution, items)
      children.redrive(execution, redriveCount)
    }
    this.#pendingRedrive = found.length === most
  }

  #startSome(): void {
    const total = this.#mapRun.total!
    let started = 0
    for (let prepared = 0; prepared < stepSize.items && this.#next < total; prepared++) {
      if (started >= stepSize.children || this.#running.size >= this.#capacity) return
      const batch = this.#batches.add(this.#inputAt(this.#next))
      this.#next++
      if (batch !== undefined) {
        this.#start(batch)
        started++
      }
      const last = this.#next === total ? this.#batches.end() : undefined
      if (last !== undefined) this.#start(last)
    }
  }

  #start(batch: Batch): void {
    const { children } = this.#services
    const child = children.start(this.#place.execution, this.#row, this.#mapRun, batch)
    this.#addRunning(child, batch.items)
  }

  /** The input of an item, by ItemSelector. Throws StateFault. */
  #inputAt(index: number): Data {
    const item = this.#itemAt(index)
    const { itemSelector } = this.#state
    if (itemSelector !== undefined) {
      const { scope, run } = this.#place
      return this.#place.newTurn().evaluate(scope, run, itemSelector, { item: { ...item, index } })
    }
    const input = new Data(inputOf(item))
    if (input.isTooLarge) throw new StateFault(dataLimitExceeded(this.#state.name))
    return input
  }

  #itemAt(index: number): Item {
    const { first, items } = this.#chunk
    const found = items[index - first]
    if (found !== undefined && index >= first) return found
    const given = this.#mapRun.settings.items
    this.#chunk =
      given === undefined
        ? this.#services.store.itemsAround(this.#row.id, index)
        : { first: 0, items: stateItems(given) }
    return this.#chunk.items[index - this.#chunk.first]!
  }

  /** Decides that the run fails; what still runs is stopped before it does. */
  #fail(fault: StateFault | Failure): void {
    const { failure, location } =
      fault instanceof StateFault ? fault : { failure: fault, location: undefined }
    this.#take((turn) => {
      turn.emit(this.#place.scope.id, {
        type: 'MapRunFailing',
        ...failure,
        ...(location === undefined ? {} : { location }),
      })
    })
  }

  #stopChildren(failing: NonNullable<MapRun['failing']>): void {
    const some = [...this.#running.keys()].slice(0, stepSize.children)
    for (const child of some) this.#services.children.stop(child)
    if (this.#running.size > 0) this.#schedule()
    else void this.#finish(failing)
  }

  async #finish(failing?: NonNullable<MapRun['failing']>): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    const epoch = this.#epoch
    const { scope, run } = this.#place
    const release = this.#services.clock.hold?.('handler') ?? (() => undefined)
    try {
      const result = await this.#results(failing !== undefined)
      if (this.#isOver(epoch)) return
      this.#take((turn) => {
        if (failing === undefined) succeedMapRun(turn, scope, run, result)
        else failMapRun(turn, scope, run, faultOf(failing), false)
      })
    } catch (error) {
      if (this.#isOver(epoch)) return
      if (isEngineError(error)) {
        this.#services.failed(error)
        return
      }
      const fault =
        error instanceof StateFault
          ? error
          : { error: errorNames.resultWriterFailed, cause: messageOf(error) }
      this.#take((turn) => {
        failMapRun(turn, scope, run, fault, error instanceof StateFault)
      })
    } finally {
      release()
    }
  }

  /** Of a run that fails, only what is written as objects is of use. */
  async #results(isFailing: boolean): Promise<Data> {
    const { results } = this.#mapRun.settings
    const { store, objects } = this.#services
    const source: ResultSource = {
      ended: () => this.#ended(),
      pending: () => this.#pending(),
    }
    if (results.destination === undefined) {
      return isFailing ? new Data(null) : gatherResults(source, results, this.#state.name)
    }
    if (objects === undefined) throw new Error('The engine was opened without objects to write.')
    const { arn } = childStateMachineOf(this.#place.execution, this.#mapRun.settings.label)
    const result = await writeResults(source, results, this.#mapRun, arn, objects)
    store.update(this.#place.execution.id, this.#place.scope.id, { isWritten: 1 })
    return result
  }

  *#ended(): Generator<ChildExecutionRow, void> {
    let item = -1
    for (;;) {
      const rows = this.#services.store.endedAfter(this.#row.id, item, chunkSize)
      if (rows.length === 0) return
      yield* rows
      item = rows.at(-1)!.item
    }
  }

  /** What was not started, to an item whose input cannot be made. */
  *#pending(): Generator<Batch, void> {
    const total = this.#mapRun.total!
    const first = this.#services.store.nextItem(this.#row.id)
    const batches = new Batches(this.#mapRun.settings.batch, this.#state.name, first)
    for (let index = first; index < total; index++) {
      let batch: Batch | undefined
      try {
        batch = batches.add(this.#inputAt(index))
      } catch (error) {
        if (!(error instanceof StateFault)) throw error
        return
      }
      if (batch !== undefined) yield batch
    }
    const last = batches.end()
    if (last !== undefined) yield last
  }

  #take(body: (turn: Turn) => void): void {
    if (!this.#closed) this.#place.take(body)
  }
}

/** Items of the state's input: the elements of an array, or the members of an object. */
function stateItems(items: Json): Item[] {
  const source = 'STATE_DATA'
  if (Array.isArray(items)) return (items as readonly Json[]).map((value) => ({ value, source }))
  const members = Object.entries(items as Readonly<Record<string, Json>>)
  return members.map(([key, value]) => ({ key, value, source }))
}

function faultOf({ error, cause, location }: NonNullable<MapRun['failing']>): StateFault {
  return new StateFault(
    { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) },
    location,
  )
}

function messageOf(error: unknown): string {
  if (error instanceof RangeError) return 'An item of the dataset is nested too deeply.'
  return error instanceof Error ? error.message : String(error)
}

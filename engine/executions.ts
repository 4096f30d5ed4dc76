import { randomUUID } from 'node:crypto'
import type * as api from './api-types.ts'
import type { Clock } from './clock.ts'
import { statusChange } from './descriptions.ts'
import { EngineError } from './errors.ts'
import { type Execution, newExecution } from './execution.ts'
import { ExecutionRecords, notSupported } from './execution-records.ts'
import { ExpressExecutions, type ExpressStart } from './express.ts'
import { historyEvent } from './history.ts'
import { NestedExecutions } from './integrations/nested.ts'
import { limits } from './limits.ts'
import type { LogEvent } from './log.ts'
import { isChild, isExpress } from './map/children.ts'
import { MapRuns } from './map/map-runs.ts'
import type { ObjectStore } from './map/objects.ts'
import { isMapRunEvent } from './map/run.ts'
import { checkInput, checkName, checkText } from './requests.ts'
import { replay, Runner, type RunnerServices } from './runner.ts'
import { Scheduler } from './scheduler.ts'
import type { Origin, StateMachines } from './state-machines.ts'
import type { ExecutionRow, Store } from './store.ts'
import type { Tasks } from './tasks.ts'
import { Waiters } from './waiters.ts'

export interface ExecutionsOptions {
  readonly store: Store
  readonly stateMachines: StateMachines
  readonly tasks: Tasks
  readonly clock: Clock
  readonly origin: Origin
  readonly random: () => number
  readonly objects: ObjectStore | undefined
  readonly onStatusChange: (change: api.ExecutionStatusChange) => void
  readonly onError: (error: unknown, executionArn: string) => void
}

/** Milliseconds after which an execution whose commit failed is taken up again from its log. */
const reloadDelay = 1000

/** The operations on executions; holds those that run. */
export class Executions {
  readonly records: ExecutionRecords
  readonly #options: ExecutionsOptions
  readonly #store: Store
  readonly #services: RunnerServices
  readonly #scheduler: Scheduler
  readonly #express: ExpressExecutions
  readonly #mapRuns: MapRuns
  readonly #runners = new Map<string, Runner>()
  readonly #changed = new Waiters()
  readonly #ended = new Waiters()
  readonly #reloads = new Set<() => void>()
  /** Those that took turns in the slice that runs, whose commit is yet to come. */
  readonly #uncommitted = new Set<Runner>()
  /** Nested executions to be stopped with the commit under way. */
  #stopping: string[] | undefined

  constructor(options: ExecutionsOptions) {
    this.#options = options
    this.#store = options.store
    this.#scheduler = new Scheduler(options.clock, (slice) => {
      this.#commitTogether(slice)
    })
    const { clock, tasks, random, stateMachines, origin, onError } = options
    const nested = new NestedExecutions({
      start: (input) => this.start(input),
      waitFor: (arn) => this.waitFor(arn),
      typeOf: (arn) => stateMachines.row(arn).type,
      transaction: (body) => this.#store.transaction(body),
    })
    this.#mapRuns = new MapRuns({
      store: this.#store,
      stateMachines,
      clock,
      scheduler: this.#scheduler,
      objects: options.objects,
      onError,
      runnerOf: (row) => this.#runnerOf(row),
      activateSoon: (id) => {
        this.#activateSoon(id)
      },
      tellStatus: (id) => {
        this.#tellStatus(id)
      },
    })
    const mapRuns = this.#mapRuns
    this.records = new ExecutionRecords({
      store: this.#store,
      stateMachines,
      mapRuns,
      clock,
      origin,
    })
    const shared = { clock, scheduler: this.#scheduler, tasks, random, nested, mapRuns }
    this.#express = new ExpressExecutions(shared, stateMachines, origin, onError)
    this.#services = {
      ...shared,
      commit: (execution, events, abandoned) => {
        this.#commit(execution, events, abandoned)
      },
      committed: (runner) => {
        this.#committed(runner)
      },
      failed: (runner, error) => {
        this.#failed(runner, error)
      },
    }
  }

  /** Takes up the executions that were running when the database was last open. */
  resume(): void {
    for (const id of this.#store.runningExecutions()) this.#activateSoon(id)
    this.#mapRuns.resume()
  }

  start(input: api.StartExecutionInput): api.StartExecutionOutput {
    const request = this.#checkStart(input)
    const { machine, name, text, input: data } = request
    if (machine.type === 'EXPRESS') return this.#express.start(request)
    const { region, account } = this.#options.origin
    const arn = `arn:aws:states:${region}:${account}:execution:${machine.name}:${name}`
    const existing = this.#store.execution(arn)
    if (existing !== undefined) {
      if (existing.status === 'RUNNING' && checkInput(existing.input).text === data.text) {
        return { executionArn: arn, startDate: new Date(existing.startTime) }
      }
      throw new EngineError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`)
    }
    const time = this.#options.clock.now()
    const id = this.#store.transaction(() => {
      const inserted = this.#store.insertExecution({
        arn,
        name,
        stateMachineArn: machine.arn,
        stateMachineName: machine.name,
        roleArn: machine.roleArn,
        digest: machine.digest,
        status: 'RUNNING',
        startTime: time,
        input: text,
        redriveCount: 0,
      })
      const { roleArn } = machine
      const started = { type: 'ExecutionStarted', input: data, roleArn } as const
      this.#store.appendEvents(inserted, [
        { seq: 1, id: 1, previous: 0, time, scope: 0, ...started },
      ])
      this.#tellStatus(inserted)
      return inserted
    })
    this.#activateSoon(id)
    return { executionArn: arn, startDate: new Date(time) }
  }

  async startSync(input: api.StartSyncExecutionInput): Promise<api.StartSyncExecutionOutput> {
    const request = this.#checkStart(input)
    if (request.machine.type !== 'EXPRESS') throw notSupported()
    const traceHeader = checkText(input.traceHeader, 'traceHeader', 256)
    const outcome = await this.#express.startSync(request)
    return { ...outcome, ...(traceHeader === undefined ? {} : { traceHeader }) }
  }

  stop(input: api.StopExecutionInput): { stopDate: Date } {
    const row = this.records.row(input.executionArn)
    const error = checkText(input.error, 'error', limits.errorLength)
    const cause = checkText(input.cause, 'cause', limits.causeLength)
    if (row.status === 'RUNNING') {
      this.#runnerOf(row).stop({
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      })
    }
    return { stopDate: new Date(this.records.row(row.arn).stopTime ?? this.#options.clock.now()) }
  }

  /** Of a state machine that is being deleted. */
  async stopAll(stateMachineArn: string): Promise<void> {
    for (;;) {
      const rows = this.#store.executions(stateMachineArn, 'RUNNING', Number.MAX_SAFE_INTEGER, 100)
      if (rows.length === 0) return
      for (const row of rows) this.#runnerOf(row).stop({})
      await new Promise(setImmediate)
    }
  }

  redrive(input: { executionArn: string }): { redriveDate: Date } {
    const row = this.records.row(input.executionArn)
    const { redriveStatus, redriveStatusReason } = this.records.redrivability(row)
    if (redriveStatus !== 'REDRIVABLE') {
      throw new EngineError(
        'ExecutionNotRedrivable',
        redriveStatusReason ?? 'Execution can only be redriven by its map run',
      )
    }
    const runner = this.#runnerOf(row)
    runner.redrive()
    return { redriveDate: new Date(runner.execution.redriveTime!) }
  }

  async waitFor(executionArn: string): Promise<api.ExecutionDescription> {
    while (this.records.row(executionArn).status === 'RUNNING') {
      await this.#ended.next(executionArn)
    }
    return this.records.describe({ executionArn })
  }

  async *watch(executionArn: string, after: number): AsyncGenerator<api.HistoryEvent, void> {
    const { region } = this.#options.origin
    let last = after
    for (;;) {
      const { id, status } = this.records.row(executionArn)
      const events = this.#store.eventsAfter(id, last, last, 1000)
      for (const event of events) {
        last = event.id!
        yield historyEvent(event, region, true)
      }
      if (events.length > 0) continue
      if (status !== 'RUNNING') return
      await this.#changed.next(executionArn)
    }
  }

  describeMapRun(input: { mapRunArn: string }): api.MapRunDescription {
    return this.#mapRuns.describe(input)
  }

  listMapRuns(input: api.ListMapRunsInput): api.ListMapRunsOutput {
    return this.#mapRuns.list(this.records.row(input.executionArn), input)
  }

  updateMapRun(input: api.UpdateMapRunInput): Record<string, never> {
    return this.#mapRuns.update(input)
  }

  /** Of an execution that runs; throws TaskDoesNotExist when there is none of the id. */
  runner(id: number): Runner | undefined {
    const row = this.#store.executionById(id)
    if (row === undefined) {
      throw new EngineError('TaskDoesNotExist', "Task Does Not Exist: 'Task does not exist'")
    }
    return row.status === 'RUNNING' ? this.#runnerOf(row) : undefined
  }

  /** Leaves running executions as their logs have them. */
  close(): void {
    this.#scheduler.close()
    this.#express.close()
    this.#mapRuns.close()
    for (const runner of this.#runners.values()) runner.close()
    this.#runners.clear()
    for (const cancel of this.#reloads) cancel()
    this.#changed.close()
    this.#ended.close()
  }

  /** Throws StateMachineDoesNotExist, InvalidName, InvalidExecutionInput. */
  #checkStart(input: api.StartExecutionInput): ExpressStart {
    const machine = this.#options.stateMachines.activeRow(input.stateMachineArn)
    const name = checkName(input.name ?? randomUUID(), 'an execution')
    const text = input.input ?? '{}'
    return { machine, name, text, input: checkInput(text) }
  }

  #activateSoon(id: number): void {
    this.#scheduler.add(() => {
      this.#activate(id)
    })
  }

  /** Starts to run what the log says; also a start whose surrounding transaction was taken back. */
  #activate(id: number): void {
    let arn = ''
    try {
      const row = this.#store.executionById(id)
      if (row?.status !== 'RUNNING') return
      arn = row.arn
      this.#runnerOf(row)
    } catch (error) {
      this.#options.onError(error, arn)
    }
  }

  /**
   * The runner of an execution. When it is not in memory it is made of the log, and goes on if the
   * execution runs, whoever asks for it first: a start, a token, a stop.
   */
  #runnerOf(row: ExecutionRow): Runner {
    const running = this.#runners.get(row.arn)
    if (running !== undefined) return running
    const machine = isChild(row)
      ? this.#mapRuns.machineOf(row)
      : this.#options.stateMachines.machine(row.digest)
    const execution = isExpress(row)
      ? { ...newExecution({ ...row, type: 'EXPRESS' }, machine), redriveCount: row.redriveCount }
      : replay(newExecution({ ...row, type: 'STANDARD' }, machine), this.#store.events(row.id))
    const runner = new Runner(execution, this.#services)
    this.#runners.set(row.arn, runner)
    if (row.status === 'RUNNING') {
      if (isExpress(row)) runner.begin(checkInput(row.input))
      else runner.resume()
    }
    return runner
  }

  #commit(execution: Execution, events: readonly LogEvent[], abandoned: readonly string[]): void {
    const stopped: ExecutionRow[] = []
    try {
      this.#store.transaction(() => {
        const isLogged = execution.type === 'STANDARD'
        if (isLogged) this.#store.appendEvents(execution.id, events)
        for (const event of events) {
          if (isMapRunEvent(event)) this.#mapRuns.record(execution, event)
        }
        if (events.some((event) => event.type.startsWith('Execution'))) {
          this.#store.updateExecution(execution.id, {
            status: execution.status,
            stopTime: execution.stopTime ?? null,
            output: execution.output?.text ?? null,
            error: execution.error ?? null,
            cause: execution.cause ?? null,
            redriveCount: execution.redriveCount,
            redriveTime: execution.redriveTime ?? null,
          })
          if (isLogged) this.#tellStatus(execution.id)
        }
        if (abandoned.length > 0) this.#stopAll(abandoned, stopped)
      })
    } catch (error) {
      // Their end is taken back, and they go on.
      for (const { id } of stopped) this.#reload(id)
      throw error
    }
  }

  /** Stops nested executions, and those that they leave behind, but not by recursion. */
  #stopAll(arns: readonly string[], stopped: ExecutionRow[]): void {
    if (this.#stopping !== undefined) {
      this.#stopping.push(...arns)
      return
    }
    const stopping = (this.#stopping = [...arns])
    try {
      for (const arn of stopping) {
        const row = this.#store.execution(arn)
        if (row?.status !== 'RUNNING') continue
        stopped.push(row)
        this.#runnerOf(row).stop({})
      }
    } finally {
      this.#stopping = undefined
    }
  }

  #tellStatus(id: number): void {
    const row = this.#store.executionById(id)!
    this.#options.onStatusChange(statusChange(row, this.records.redrivability(row)))
  }

  /**
   * What the turns of a slice lead to (handlers that start, promises that are resolved) comes in a later
   * microtask, when all of them are durable.
   */
  #commitTogether(slice: () => void): void {
    this.#uncommitted.clear()
    try {
      this.#store.group(slice)
    } catch (error) {
      for (const runner of this.#uncommitted) runner.fail(error)
      this.#mapRuns.takenBack()
    }
    this.#uncommitted.clear()
  }

  #committed(runner: Runner): void {
    const { arn } = runner.execution
    this.#uncommitted.add(runner)
    this.#changed.wake(arn)
    if (runner.isRunning) return
    this.#runners.delete(arn)
    this.#ended.wake(arn)
    this.#mapRuns.childEnded(runner.execution.id, runner.execution.status)
  }

  #failed(runner: Runner, error: unknown): void {
    const { arn, id } = runner.execution
    this.#runners.delete(arn)
    this.#options.onError(error, arn)
    this.#reload(id)
  }

  #reload(id: number): void {
    const { clock } = this.#options
    const cancel = clock.setTimer(clock.now() + reloadDelay, () => {
      this.#reloads.delete(cancel)
      this.#activateSoon(id)
    })
    this.#reloads.add(cancel)
  }
}

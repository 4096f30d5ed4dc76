import { randomUUID } from 'node:crypto'
import type * as api from './api-types.ts'
import type { Clock } from './clock.ts'
import {
  describeExecution,
  listExecution,
  type Redrivability,
  redrivability,
  statusChange,
} from './descriptions.ts'
import { EngineError } from './errors.ts'
import { type Execution, type ExecutionStatus, newExecution } from './execution.ts'
import { historyEvent } from './history.ts'
import { limits } from './limits.ts'
import type { LogEvent } from './log.ts'
import {
  checkArn,
  checkInput,
  checkName,
  checkPageSize,
  checkText,
  pageToken,
  readPageToken,
} from './requests.ts'
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
  readonly onStatusChange: (change: api.ExecutionStatusChange) => void
  readonly onError: (error: unknown, executionArn: string) => void
}

/** Milliseconds after which an execution whose commit failed is taken up again from its log. */
const reloadDelay = 1000

const statuses: readonly ExecutionStatus[] = [
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'ABORTED',
]

/** The operations on executions; holds those that run. */
export class Executions {
  readonly #options: ExecutionsOptions
  readonly #store: Store
  readonly #services: RunnerServices
  readonly #scheduler: Scheduler
  readonly #runners = new Map<string, Runner>()
  readonly #changed = new Waiters()
  readonly #ended = new Waiters()
  readonly #reloads = new Set<() => void>()

  constructor(options: ExecutionsOptions) {
    this.#options = options
    this.#store = options.store
    this.#scheduler = new Scheduler(options.clock)
    this.#services = {
      clock: options.clock,
      scheduler: this.#scheduler,
      tasks: options.tasks,
      random: options.random,
      commit: (execution, events) => {
        this.#commit(execution, events)
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
  }

  start(input: api.StartExecutionInput): api.StartExecutionOutput {
    const machine = this.#options.stateMachines.row(input.stateMachineArn)
    const name = checkName(input.name ?? randomUUID(), 'an execution')
    const text = input.input ?? '{}'
    const data = checkInput(text)
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

  describe(input: { executionArn: string }): api.ExecutionDescription {
    const row = this.#row(input.executionArn)
    return describeExecution(row, this.#redrivability(row))
  }

  describeStateMachine(input: { executionArn: string }): api.StateMachineForExecution {
    const row = this.#row(input.executionArn)
    return {
      stateMachineArn: row.stateMachineArn,
      name: row.stateMachineName,
      definition: this.#store.definition(row.digest),
      roleArn: row.roleArn,
      updateDate: new Date(this.#options.stateMachines.row(row.stateMachineArn).updated),
    }
  }

  list(input: api.ListExecutionsInput): {
    executions: api.ExecutionListItem[]
    nextToken?: string
  } {
    const { stateMachineArn, statusFilter } = input
    const arn =
      stateMachineArn === undefined
        ? undefined
        : this.#options.stateMachines.row(stateMachineArn).arn
    if (statusFilter !== undefined && !statuses.includes(statusFilter)) {
      throw new EngineError(
        'ValidationException',
        `statusFilter is one of ${statuses.join(', ')}; found ${JSON.stringify(statusFilter)}`,
      )
    }
    const limit = checkPageSize(input.maxResults)
    const before = readPageToken('ListExecutions', input.nextToken) ?? Number.MAX_SAFE_INTEGER
    const rows = this.#store.executions(arn, statusFilter, Number(before), limit + 1)
    const page = rows.slice(0, limit)
    return {
      executions: page.map(listExecution),
      ...(rows.length > limit ? { nextToken: pageToken('ListExecutions', page.at(-1)!.id) } : {}),
    }
  }

  stop(input: api.StopExecutionInput): { stopDate: Date } {
    const row = this.#row(input.executionArn)
    const error = checkText(input.error, 'error', limits.errorLength)
    const cause = checkText(input.cause, 'cause', limits.causeLength)
    if (row.status === 'RUNNING') {
      this.#runnerOf(row).stop({
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      })
    }
    return { stopDate: new Date(this.#row(row.arn).stopTime ?? this.#options.clock.now()) }
  }

  redrive(input: { executionArn: string }): { redriveDate: Date } {
    const row = this.#row(input.executionArn)
    const { redriveStatus, redriveStatusReason } = this.#redrivability(row)
    if (redriveStatus !== 'REDRIVABLE') {
      throw new EngineError('ExecutionNotRedrivable', String(redriveStatusReason))
    }
    const runner = this.#runnerOf(row)
    runner.redrive()
    return { redriveDate: new Date(runner.execution.redriveTime!) }
  }

  history(input: api.GetExecutionHistoryInput): { events: api.HistoryEvent[]; nextToken?: string } {
    const { id } = this.#row(input.executionArn)
    const limit = checkPageSize(input.maxResults)
    const { reverseOrder = false, includeExecutionData = true, after = 0 } = input
    if (!Number.isInteger(after) || after < 0 || (reverseOrder && after > 0)) {
      throw new EngineError(
        'ValidationException',
        `after is the id of an event, and not with reverseOrder; found ${JSON.stringify(after)}`,
      )
    }
    const operation = reverseOrder ? 'GetExecutionHistory reversed' : 'GetExecutionHistory'
    const position = readPageToken(operation, input.nextToken)
    const events = reverseOrder
      ? this.#store.eventsBefore(id, Number(position ?? Number.MAX_SAFE_INTEGER), limit + 1)
      : this.#store.eventsAfter(id, Number(position ?? after), after, limit + 1)
    const page = events.slice(0, limit)
    const { region } = this.#options.origin
    return {
      events: page.map((event) => historyEvent(event, region, includeExecutionData)),
      ...(events.length > limit ? { nextToken: pageToken(operation, page.at(-1)!.seq) } : {}),
    }
  }

  async waitFor(executionArn: string): Promise<api.ExecutionDescription> {
    while (this.#row(executionArn).status === 'RUNNING') await this.#ended.next(executionArn)
    return this.describe({ executionArn })
  }

  async *watch(executionArn: string, after: number): AsyncGenerator<api.HistoryEvent, void> {
    const { region } = this.#options.origin
    let last = after
    for (;;) {
      const { id, status } = this.#row(executionArn)
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

  /** Leaves running executions as their logs have them. */
  close(): void {
    this.#scheduler.close()
    for (const runner of this.#runners.values()) runner.close()
    this.#runners.clear()
    for (const cancel of this.#reloads) cancel()
    this.#changed.close()
    this.#ended.close()
  }

  /** Throws InvalidArn, ExecutionDoesNotExist. */
  #row(arn: unknown): ExecutionRow {
    const row = this.#store.execution(checkArn(arn, 'execution'))
    if (row !== undefined) return row
    throw new EngineError('ExecutionDoesNotExist', `Execution Does Not Exist: '${String(arn)}'`)
  }

  #redrivability(row: ExecutionRow): Redrivability {
    return redrivability(row, this.#store.lastEventId(row.id), this.#options.clock.now())
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
      if (row?.status !== 'RUNNING' || this.#runners.has(row.arn)) return
      arn = row.arn
      this.#runnerOf(row).resume()
    } catch (error) {
      this.#options.onError(error, arn)
    }
  }

  /** The runner of an execution, from its log when it is not in memory. */
  #runnerOf(row: ExecutionRow): Runner {
    const running = this.#runners.get(row.arn)
    if (running !== undefined) return running
    const machine = this.#options.stateMachines.machine(row.digest)
    const execution = replay(newExecution(row, machine), this.#store.events(row.id))
    const runner = new Runner(execution, this.#services)
    this.#runners.set(row.arn, runner)
    return runner
  }

  #commit(execution: Execution, events: readonly LogEvent[]): void {
    this.#store.transaction(() => {
      this.#store.appendEvents(execution.id, events)
      if (!events.some((event) => event.type.startsWith('Execution'))) return
      this.#store.updateExecution(execution.id, {
        status: execution.status,
        stopTime: execution.stopTime ?? null,
        output: execution.output?.text ?? null,
        error: execution.error ?? null,
        cause: execution.cause ?? null,
        redriveCount: execution.redriveCount,
        redriveTime: execution.redriveTime ?? null,
      })
      this.#tellStatus(execution.id)
    })
  }

  #tellStatus(id: number): void {
    const row = this.#store.executionById(id)!
    this.#options.onStatusChange(statusChange(row, this.#redrivability(row)))
  }

  #committed(runner: Runner): void {
    const { arn } = runner.execution
    this.#changed.wake(arn)
    if (runner.isRunning) return
    this.#runners.delete(arn)
    this.#ended.wake(arn)
  }

  #failed(runner: Runner, error: unknown): void {
    const { arn, id } = runner.execution
    this.#runners.delete(arn)
    this.#options.onError(error, arn)
    const { clock } = this.#options
    const cancel = clock.setTimer(clock.now() + reloadDelay, () => {
      this.#reloads.delete(cancel)
      this.#activateSoon(id)
    })
    this.#reloads.add(cancel)
  }
}

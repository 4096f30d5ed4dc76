import { DatabaseSync } from 'node:sqlite'
import type * as api from './api-types.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Durability, openDatabase } from './database.ts'
import { EngineError } from './errors.ts'
import { Executions } from './executions.ts'
import { StateMachines } from './state-machines.ts'
import { Store } from './store.ts'
import type { Tasks } from './tasks.ts'
import { closedError } from './waiters.ts'

export interface EngineOptions {
  /** A directory for the engine's own `engine.sqlite`, which one engine at a time has open. */
  readonly dataDir?: string
  /**
   * An open database to share instead: the engine makes its tables, all named `engine_…`, in it, and
   * does not close it. With neither, everything is in memory.
   */
  readonly database?: DatabaseSync
  /** Who does the tasks: `lambdaInvoke(…)`, or a function of your own. */
  readonly tasks: Tasks
  /** Default the machine's clock; `virtualClock()` in tests. */
  readonly clock?: Clock
  /**
   * Called when an execution starts, ends or is redriven, within the transaction that records it:
   * what it writes to the same database commits with it, and when it throws, nothing of it does.
   */
  readonly onStatusChange?: (change: api.ExecutionStatusChange) => void
  /**
   * Told of faults that no operation can report, such as a disk that is full while an execution runs
   * by itself: it is taken up again from its log a second later. Default: a process warning.
   */
  readonly onError?: (error: unknown, executionArn: string) => void
  /** Uniform in [0, 1): jitter of retries, and `$random()`. Default Math.random. */
  readonly random?: () => number
  /** What a commit to `dataDir` survives: the death of the process (default), or a loss of power. */
  readonly durability?: Durability
  /** Of ARNs. Default `us-east-1`. */
  readonly region?: string
  /** Of ARNs: 12 digits. Default `000000000000`. */
  readonly account?: string
}

const knownOptions: ReadonlySet<string> = new Set<keyof EngineOptions>([
  'dataDir',
  'database',
  'tasks',
  'clock',
  'onStatusChange',
  'onError',
  'random',
  'durability',
  'region',
  'account',
])

/**
 * Opens an engine that runs Amazon States Language in this process, and takes up the executions that
 * were running when its database was last open.
 *
 * @example
 * const engine = await openEngine({ tasks: lambdaInvoke((name) => functions[name]) })
 * const { stateMachineArn } = await engine.createStateMachine({ name: 'greet', definition })
 * const { executionArn } = await engine.startExecution({ stateMachineArn, input: '{"name":"Ada"}' })
 * const { status, output } = await engine.waitFor(executionArn)
 *
 * @throws DataDirectoryBusy, DataDirectoryInvalid, StorageFailed, ValidationException
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const unknown = Object.keys(options).filter((name) => !knownOptions.has(name))
  if (unknown.length > 0) {
    throw new EngineError(
      'ValidationException',
      `openEngine has no option ${unknown.join(', ')}; it has ${[...knownOptions].join(', ')}`,
    )
  }
  if (options.dataDir !== undefined && options.database !== undefined) {
    throw new EngineError('ValidationException', 'dataDir and database exclude each other')
  }
  return new Engine(options)
}

/**
 * The Step Functions API's operations in camelCase, with its requests and responses (dates are Date),
 * and `waitFor`, `watch` and `close`. Errors are EngineError, by the API's names (`engineErrors`).
 */
export class Engine {
  readonly #store: Store
  readonly #stateMachines: StateMachines
  readonly #executions: Executions
  #closed = false

  /** Use `openEngine`. */
  constructor(options: EngineOptions) {
    const {
      clock = systemClock,
      random = Math.random,
      region = 'us-east-1',
      account = '000000000000',
      durability = 'process',
    } = options
    this.#store = openStore(options, durability)
    const origin = { region, account }
    const host = { now: () => clock.now(), random }
    this.#stateMachines = new StateMachines(this.#store, clock, origin, host)
    this.#executions = new Executions({
      store: this.#store,
      stateMachines: this.#stateMachines,
      tasks: options.tasks,
      clock,
      origin,
      random,
      onStatusChange: options.onStatusChange ?? (() => undefined),
      onError: options.onError ?? warn,
    })
    this.#executions.resume()
  }

  /**
   * Idempotent for the same name, definition and role.
   *
   * @throws InvalidName, InvalidDefinition (with every fault), StateMachineAlreadyExists,
   * StateMachineTypeNotSupported
   */
  async createStateMachine(
    input: api.CreateStateMachineInput,
  ): Promise<api.CreateStateMachineOutput> {
    return this.#open().#stateMachines.create(input)
  }

  /**
   * Running executions keep the definition that they started with.
   *
   * @throws StateMachineDoesNotExist, InvalidDefinition, ValidationException
   */
  async updateStateMachine(
    input: api.UpdateStateMachineInput,
  ): Promise<api.UpdateStateMachineOutput> {
    return this.#open().#stateMachines.update(input)
  }

  /** @throws StateMachineDoesNotExist */
  async describeStateMachine(input: {
    stateMachineArn: string
  }): Promise<api.StateMachineDescription> {
    return this.#open().#stateMachines.describe(input)
  }

  /** @throws InvalidToken */
  async listStateMachines(
    input: api.Page = {},
  ): Promise<{ stateMachines: api.StateMachineListItem[]; nextToken?: string }> {
    return this.#open().#stateMachines.list(input)
  }

  /**
   * With the name and input of an execution that runs, answers that one. What it writes is written
   * before it first gives way, so that it can be called within a transaction on the shared database.
   *
   * @throws StateMachineDoesNotExist, InvalidName, InvalidExecutionInput, ExecutionAlreadyExists
   */
  async startExecution(input: api.StartExecutionInput): Promise<api.StartExecutionOutput> {
    return this.#open().#executions.start(input)
  }

  /** @throws ExecutionDoesNotExist */
  async describeExecution(input: { executionArn: string }): Promise<api.ExecutionDescription> {
    return this.#open().#executions.describe(input)
  }

  /** @throws ExecutionDoesNotExist */
  async describeStateMachineForExecution(input: {
    executionArn: string
  }): Promise<api.StateMachineForExecution> {
    return this.#open().#executions.describeStateMachine(input)
  }

  /**
   * The newest first.
   *
   * @throws StateMachineDoesNotExist, InvalidToken, ValidationException
   */
  async listExecutions(
    input: api.ListExecutionsInput,
  ): Promise<{ executions: api.ExecutionListItem[]; nextToken?: string }> {
    return this.#open().#executions.list(input)
  }

  /**
   * Aborts the signals of its handlers. An execution that has ended stays as it is.
   *
   * @throws ExecutionDoesNotExist
   */
  async stopExecution(input: api.StopExecutionInput): Promise<{ stopDate: Date }> {
    return this.#open().#executions.stop(input)
  }

  /**
   * Goes on at the failed state of an execution that is FAILED, ABORTED or TIMED_OUT, with the
   * definition it started with. In a Parallel or Map state only what did not succeed runs again.
   *
   * @throws ExecutionDoesNotExist, ExecutionNotRedrivable
   */
  async redriveExecution(input: { executionArn: string }): Promise<{ redriveDate: Date }> {
    return this.#open().#executions.redrive(input)
  }

  /** @throws ExecutionDoesNotExist, InvalidToken, ValidationException */
  async getExecutionHistory(
    input: api.GetExecutionHistoryInput,
  ): Promise<{ events: api.HistoryEvent[]; nextToken?: string }> {
    return this.#open().#executions.history(input)
  }

  /**
   * Resolves with the description of the execution once it has ended.
   *
   * @throws ExecutionDoesNotExist; EngineClosed when the engine is closed before
   */
  async waitFor(executionArn: string): Promise<api.ExecutionDescription> {
    return this.#open().#executions.waitFor(executionArn)
  }

  /**
   * The events of an execution's history, those there are and then each as it is committed, until the
   * execution ends.
   *
   * @param options.after only events with an id above this one
   * @throws ExecutionDoesNotExist; EngineClosed when the engine is closed before
   */
  watch(
    executionArn: string,
    options: { after?: number } = {},
  ): AsyncIterableIterator<api.HistoryEvent> {
    return this.#open().#executions.watch(executionArn, options.after ?? 0)
  }

  /**
   * Stops timers and aborts the signals of running handlers. Executions that run stay RUNNING, and go
   * on when an engine opens the database again.
   */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#executions.close()
    this.#store.close()
  }

  #open(): this {
    if (this.#closed) throw closedError()
    return this
  }
}

function openStore(options: EngineOptions, durability: Durability): Store {
  if (options.database !== undefined) return new Store(options.database, false)
  const database =
    options.dataDir === undefined
      ? new DatabaseSync(':memory:')
      : openDatabase(options.dataDir, durability)
  try {
    return new Store(database, true)
  } catch (error) {
    database.close()
    throw error
  }
}

function warn(error: unknown, executionArn: string): void {
  const text = error instanceof Error ? error.message : String(error)
  process.emitWarning(`${executionArn}: ${text}`, 'EngineWarning')
}

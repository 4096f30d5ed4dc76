import { DatabaseSync } from 'node:sqlite'
import type * as api from './api-types.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Durability, openDatabase } from './database.ts'
import { EngineError } from './errors.ts'
import { Executions } from './executions.ts'
import { combineTasks } from './integrations/services.ts'
import { sfnTasks } from './integrations/sfn.ts'
import { TaskTokens } from './integrations/task-tokens.ts'
import { type EngineServer, listen, type ListenOptions } from './server/listen.ts'
import type { ObjectStore } from './map/objects.ts'
import { StateMachines } from './state-machines.ts'
import { Store } from './store.ts'
import type { Tasks } from './tasks.ts'
import { testState, type TestServices } from './test-state/test-state.ts'
import { closedError } from './waiters.ts'

export interface EngineOptions {
  /** A directory for the engine's own `engine.sqlite`, which one engine at a time has open. */
  readonly dataDir?: string
  /**
   * An open database to share instead: the engine makes its tables, all named `engine_…`, in it, and
   * does not close it. With neither, everything is in memory.
   */
  readonly database?: DatabaseSync
  /** Where distributed Maps read their items and write their results, in place of Amazon S3. */
  readonly objects?: ObjectStore
  /**
   * Who does the tasks: `lambdaInvoke(…)`, `serviceTasks(…)`, or a function of your own. Tasks of
   * `states:startExecution` and `aws-sdk:sfn:…` that it leaves, the engine does itself.
   */
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
  'objects',
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
  readonly #testing: TestServices
  readonly #taskTokens: TaskTokens
  readonly #onError: NonNullable<EngineOptions['onError']>
  readonly #servers = new Set<EngineServer>()
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
    this.#onError = options.onError ?? warn
    this.#store = openStore(options, durability)
    const origin = { region, account }
    const host = { now: () => clock.now(), random }
    const tasks = combineTasks(options.tasks, sfnTasks(this))
    this.#stateMachines = new StateMachines(this.#store, clock, origin, host)
    this.#executions = new Executions({
      store: this.#store,
      stateMachines: this.#stateMachines,
      tasks,
      objects: options.objects,
      clock,
      origin,
      random,
      onStatusChange: options.onStatusChange ?? (() => undefined),
      onError: this.#onError,
    })
    this.#testing = { clock, random, tasks, origin, host }
    this.#taskTokens = new TaskTokens((execution) => this.#executions.runner(execution))
    this.#executions.resume()
  }

  /**
   * Idempotent for the same name, definition, type and configurations.
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

  /**
   * Stops the executions of it that run; those that ended can still be described. Resolves when it is
   * done, also when there is no such state machine.
   *
   * @throws InvalidArn
   */
  async deleteStateMachine(input: { stateMachineArn: string }): Promise<object> {
    this.#open()
    await this.#stateMachines.delete(input, (arn) => this.#executions.stopAll(arn))
    return {}
  }

  /** @throws StateMachineTypeNotSupported, ValidationException */
  async validateStateMachineDefinition(
    input: api.ValidateStateMachineDefinitionInput,
  ): Promise<api.ValidateStateMachineDefinitionOutput> {
    return this.#open().#stateMachines.validate(input)
  }

  /**
   * Runs one state by itself: with a mock of its task's result or error, or with its handler.
   *
   * @throws InvalidDefinition, InvalidExecutionInput, ValidationException
   */
  async testState(input: api.TestStateInput): Promise<api.TestStateOutput> {
    return testState(this.#open().#testing, input)
  }

  /** Of a state machine. @throws ResourceNotFound, TooManyTags, ValidationException */
  async tagResource(input: { resourceArn: string; tags: readonly api.Tag[] }): Promise<object> {
    this.#open().#stateMachines.tag(input)
    return {}
  }

  /** @throws ResourceNotFound, ValidationException */
  async untagResource(input: { resourceArn: string; tagKeys: readonly string[] }): Promise<object> {
    this.#open().#stateMachines.untag(input)
    return {}
  }

  /** @throws ResourceNotFound */
  async listTagsForResource(input: { resourceArn: string }): Promise<{ tags: readonly api.Tag[] }> {
    return this.#open().#stateMachines.tags(input)
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
   * An execution of an EXPRESS state machine runs in memory, for five minutes at most, and no operation
   * tells of it.
   *
   * @throws StateMachineDoesNotExist, InvalidName, InvalidExecutionInput, ExecutionAlreadyExists
   */
  async startExecution(input: api.StartExecutionInput): Promise<api.StartExecutionOutput> {
    return this.#open().#executions.start(input)
  }

  /**
   * Runs an execution of an EXPRESS state machine and answers its outcome, which is kept nowhere.
   *
   * @throws StateMachineDoesNotExist, StateMachineTypeNotSupported, InvalidName,
   * InvalidExecutionInput; EngineClosed when the engine is closed before it ends
   */
  async startSyncExecution(
    input: api.StartSyncExecutionInput,
  ): Promise<api.StartSyncExecutionOutput> {
    return this.#open().#executions.startSync(input)
  }

  /** @throws ExecutionDoesNotExist */
  async describeExecution(input: { executionArn: string }): Promise<api.ExecutionDescription> {
    return this.#open().#executions.records.describe(input)
  }

  /** @throws ExecutionDoesNotExist */
  async describeStateMachineForExecution(input: {
    executionArn: string
  }): Promise<api.StateMachineForExecution> {
    return this.#open().#executions.records.describeStateMachine(input)
  }

  /**
   * The newest first.
   *
   * @throws StateMachineDoesNotExist, InvalidToken, ValidationException
   */
  async listExecutions(
    input: api.ListExecutionsInput,
  ): Promise<{ executions: api.ExecutionListItem[]; nextToken?: string }> {
    return this.#open().#executions.records.list(input)
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

  /**
   * Ends the task of a token well. It is the task's of `.waitForTaskToken`, but a handler's
   * `taskToken` ends its task, too.
   *
   * @throws InvalidToken, InvalidOutput, TaskDoesNotExist; TaskTimedOut for a task that has ended
   */
  async sendTaskSuccess(input: api.SendTaskSuccessInput): Promise<object> {
    this.#open().#taskTokens.succeed(input)
    return {}
  }

  /** @throws InvalidToken, TaskDoesNotExist; TaskTimedOut for a task that has ended */
  async sendTaskFailure(input: api.SendTaskFailureInput): Promise<object> {
    this.#open().#taskTokens.fail(input)
    return {}
  }

  /** @throws InvalidToken, TaskDoesNotExist; TaskTimedOut for a task that has ended */
  async sendTaskHeartbeat(input: api.SendTaskHeartbeatInput): Promise<object> {
    this.#open().#taskTokens.heartbeat(input)
    return {}
  }

  /** @throws ResourceNotFound, InvalidArn */
  async describeMapRun(input: { mapRunArn: string }): Promise<api.MapRunDescription> {
    return this.#open().#executions.describeMapRun(input)
  }

  /**
   * The map runs of an execution, the newest first.
   *
   * @throws ExecutionDoesNotExist, InvalidArn, InvalidToken
   */
  async listMapRuns(input: api.ListMapRunsInput): Promise<api.ListMapRunsOutput> {
    return this.#open().#executions.listMapRuns(input)
  }

  /**
   * Changes how many child executions of a map run go on at once, and how many of its items may fail.
   *
   * @throws ResourceNotFound, InvalidArn; ValidationException, also when the map run has ended
   */
  async updateMapRun(input: api.UpdateMapRunInput): Promise<Record<string, never>> {
    return this.#open().#executions.updateMapRun(input)
  }

  /** @throws ExecutionDoesNotExist, InvalidToken, ValidationException */
  async getExecutionHistory(
    input: api.GetExecutionHistoryInput,
  ): Promise<{ events: api.HistoryEvent[]; nextToken?: string }> {
    return this.#open().#executions.records.history(input)
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
   * Speaks the Step Functions API over HTTP, so that an SDK's client or the AWS CLI works with this
   * engine, until it or the server is closed. Signatures are not looked at: whoever reaches the port
   * may do everything.
   *
   * SDKs put `sync-` before the host for StartSyncExecution and TestState, a name that leads nowhere
   * here: give their clients `disableHostPrefix: true`.
   *
   * @example
   * const { url } = await engine.listen({ port: 4601 })
   * const client = new SFNClient({ endpoint: url, region: 'us-east-1', disableHostPrefix: true })
   *
   * @throws ListenFailed
   */
  async listen(options: ListenOptions = {}): Promise<EngineServer> {
    this.#open()
    const server = await listen(this, options, (error) => {
      this.#onError(error, '')
    })
    this.#servers.add(server)
    return server
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
    await Promise.all([...this.#servers].map((server) => server.close()))
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

import type { UpdateMapRunInput } from './api-types.ts'
import { apply } from './apply.ts'
import { Attempt } from './attempt.ts'
import type { Clock } from './clock.ts'
import type { Data } from './data.ts'
import type { TaskState } from './definition/states.ts'
import { errorNames, type Failure, failureFields } from './errors.ts'
import type { Execution, Scope, StateRun } from './execution.ts'
import { isNested, type NestedExecutions, Unsaved } from './integrations/nested.ts'
import type { LogEvent } from './log.ts'
import { limits } from './limits.ts'
import type { MapRunPlace } from './map/map-runner.ts'
import type { MapRuns } from './map/map-runs.ts'
import { redriveMapRun } from './map/transitions.ts'
import type { Scheduler } from './scheduler.ts'
import { stateTypes } from './states/index.ts'
import type { TaskOutcome } from './states/task.ts'
import { TaskTimers } from './task-timers.ts'
import type { TaskHandler, Tasks } from './tasks.ts'
import { HistoryFull, Turn } from './turn.ts'

/** What executions share. */
export interface RunnerServices {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly tasks: Tasks
  readonly random: () => number
  readonly nested: NestedExecutions
  readonly mapRuns: Pick<MapRuns, 'pursue'>
  /**
   * Makes the events durable, whole or not at all; with them, the nested executions that no task
   * waits for any more are stopped.
   */
  commit(execution: Execution, events: readonly LogEvent[], abandoned: readonly string[]): void
  /** Called after each commit. */
  committed(runner: Runner): void
  /** The commit failed: what is in memory no longer is what is stored. */
  failed(runner: Runner, error: unknown): void
}

/** What a scope waits for: a handler, a timer, a token, a nested execution. */
interface Pending {
  cancel(): void
  /** Of a task. */
  heartbeat?(): void
  /** As `cancel`, for a task that its token has ended. */
  detach?(): void
}

/**
 * Runs one execution: takes turns, commits them, and has timers and handlers take the next ones. What
 * is pursued depends on the folded state alone, so that a start, a restart after a kill and a redrive
 * are one thing.
 */
export class Runner {
  readonly execution: Execution
  readonly #services: RunnerServices
  readonly #pending = new Map<Scope, Pending>()
  #cancelDeadline: (() => void) | undefined
  #closed = false
  #failed = false

  constructor(execution: Execution, services: RunnerServices) {
    this.execution = execution
    this.#services = services
  }

  get isRunning(): boolean {
    return !this.#closed && this.execution.status === 'RUNNING'
  }

  /** Starts an execution that has no log, an Express one. */
  begin(input: Data): void {
    const { roleArn } = this.execution
    this.#newTurn().emit(0, { type: 'ExecutionStarted', input, roleArn })
    this.resume()
  }

  /** Goes on where the log ends. */
  resume(): void {
    this.#setDeadline()
    for (const scope of this.execution.scopes.values()) this.#pursue(scope)
  }

  stop(failure: Failure): void {
    this.#take((turn) => {
      this.#abort(turn, 'ExecutionAborted', failure)
    })
  }

  /** Goes on at what failed. */
  redrive(): void {
    const turn = this.#newTurn()
    const { lastId, redriveCount } = this.execution
    turn.emit(0, { type: 'ExecutionRedriven', redriveCount: redriveCount + 1 }, lastId)
    this.#commit(turn)
    this.resume()
  }

  /** Changes a map run that runs in the thread of control `scope`. */
  updateMapRun(scope: number, change: Omit<UpdateMapRunInput, 'mapRunArn'>): void {
    this.#take((turn) => {
      turn.emit(scope, { type: 'MapRunUpdated', ...change })
    })
  }

  /** Stops timers and aborts handlers; the execution stays as its log has it. */
  close(): void {
    this.#closed = true
    this.#cancelDeadline?.()
    for (const pending of this.#pending.values()) pending.cancel()
    this.#pending.clear()
  }

  /** Ends the task that has the token; false when it has ended. */
  endTask(scopeId: number, taskToken: string, outcome: TaskOutcome): boolean {
    const scope = this.#openTask(scopeId, taskToken)
    if (scope === undefined) return false
    this.#pending.get(scope)?.detach?.()
    this.#take((turn) => {
      stateTypes.Task.end(turn, scope, scope.run!, outcome)
    })
    return true
  }

  /** A sign of life of the task that has the token; false when it has ended. */
  heartbeat(scopeId: number, taskToken: string): boolean {
    const scope = this.#openTask(scopeId, taskToken)
    if (scope !== undefined) this.#pending.get(scope)?.heartbeat?.()
    return scope !== undefined
  }

  #openTask(scopeId: number, taskToken: string): Scope | undefined {
    const scope = this.execution.scopes.get(scopeId)
    const phase = scope?.run?.phase
    const isTask = phase?.kind === 'task' || phase?.kind === 'submitted'
    return this.isRunning && isTask && phase.taskToken === taskToken ? scope : undefined
  }

  #newTurn(): Turn {
    const { clock, random } = this.#services
    return new Turn(this.execution, stateTypes, clock, random)
  }

  #abort(turn: Turn, type: 'ExecutionAborted' | 'ExecutionTimedOut', failure: Failure): void {
    turn.abort(this.execution.root, this.execution.root.last)
    turn.emit(0, { type, ...failureFields(failure) })
  }

  /** Takes a turn, when the execution still runs. Throws what the commit throws. */
  #take(body: (turn: Turn) => void): void {
    if (!this.isRunning) return
    const turn = this.#newTurn()
    try {
      body(turn)
    } catch (error) {
      if (error instanceof Unsaved) throw error.cause
      turn.abandonAll()
      turn.emit(0, { type: 'ExecutionFailed', ...failureOf(error) })
    }
    if (turn.events.length === 0) return
    this.#commit(turn)
    if (!this.isRunning) {
      this.close()
      return
    }
    for (const scope of turn.touched) this.#pursue(scope)
  }

  #commit(turn: Turn): void {
    try {
      this.#services.commit(this.execution, turn.events, turn.abandoned)
    } catch (error) {
      this.fail(error)
      throw error
    }
    this.#services.committed(this)
  }

  /** As `#take`, where there is no caller to be told of a fault. */
  #takeAlone(
    body: (turn: Turn) => void,
    around = (take: () => void): void => {
      take()
    },
  ): void {
    try {
      around(() => {
        this.#take(body)
      })
    } catch (error) {
      this.fail(error)
    }
  }

  /** What is in memory may not be what is stored: the execution is to be taken up from its log. */
  fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.close()
    this.#services.failed(this, error)
  }

  /** Sees to it that what the scope waits for comes. */
  #pursue(scope: Scope): void {
    this.#pending.get(scope)?.cancel()
    this.#pending.delete(scope)
    if (!this.isRunning || scope.status !== 'running') return
    const { run } = scope
    if (run === undefined) {
      this.#soon(scope, run, (turn) => {
        turn.enter(scope)
      })
      return
    }
    const { phase } = run
    switch (phase.kind) {
      case 'entered':
        this.#soon(scope, run, (turn) => {
          turn.begin(scope)
        })
        break
      case 'children':
        this.#soon(scope, run, (turn) => {
          const type = stateTypes[run.state.type as 'Map' | 'Parallel']
          turn.attempt(scope, run, () => {
            type.proceed(turn, scope, run)
          })
        })
        break
      case 'task':
        this.#startTask(scope, run, phase)
        break
      case 'submitted':
        this.#awaitTask(scope, run, phase)
        break
      case 'waiting':
        this.#at(phase.until, scope, (turn) => {
          turn.attempt(scope, run, () => {
            stateTypes.Wait.end(turn, scope, run)
          })
        })
        break
      case 'retrying':
        this.#at(phase.at, scope, (turn) => {
          turn.begin(scope)
        })
        break
      case 'mapRun':
        this.#pending.set(scope, {
          cancel: this.#services.mapRuns.pursue(this.#mapRun(scope, run)),
        })
        break
      case 'mapRunEnded':
        this.#soon(scope, run, (turn) => {
          redriveMapRun(turn, scope, run)
        })
        break
      case 'ended':
        break
    }
  }

  #mapRun(scope: Scope, run: StateRun): MapRunPlace {
    return {
      execution: this.execution,
      scope,
      run,
      newTurn: () => this.#newTurn(),
      take: (body) => {
        this.#takeAlone(body)
      },
    }
  }

  /** Takes a turn when its time among the ready ones comes, if then the scope is still as it is now. */
  #soon(
    scope: Scope,
    run: StateRun | undefined,
    body: (turn: Turn) => void,
    around?: (take: () => void) => void,
  ): void {
    const phase = run?.phase
    this.#services.scheduler.add(() => {
      if (scope.status !== 'running' || scope.run !== run || scope.run?.phase !== phase) return
      this.#takeAlone(body, around)
    })
  }

  #at(time: number, scope: Scope, body: (turn: Turn) => void): void {
    const cancel = this.#services.clock.setTimer(time, () => {
      this.#pending.delete(scope)
      this.#takeAlone(body)
    })
    this.#pending.set(scope, { cancel })
  }

  /** Starts the task that the scope is in: its handler, or a nested execution. */
  #startTask(scope: Scope, run: StateRun, phase: TaskPhase): void {
    const state = run.state as TaskState
    const { nested, tasks } = this.#services
    const handler = handlerOf(tasks, state)
    if (handler !== undefined || !isNested(state.resource)) {
      this.#pending.set(scope, this.#attempt(scope, run, phase, handler ?? unknownResource(state)))
      return
    }
    const start = (turn: Turn) => {
      const started = nested.start(state.resource, phase.parameters.value, phase.taskToken)
      stateTypes.Task.started(turn, scope, run, started)
    }
    this.#soon(scope, run, start, (take) => {
      nested.atomically(take)
    })
  }

  #attempt(scope: Scope, run: StateRun, phase: TaskPhase, handler: TaskHandler): Pending {
    const { execution } = this
    return new Attempt(
      this.#services.clock,
      // A copy: the handler may do with it what it likes.
      (context) => handler(structuredClone(phase.parameters.value), context),
      {
        taskToken: phase.taskToken,
        execution: {
          arn: execution.arn,
          name: execution.name,
          stateMachineArn: execution.stateMachineArn,
        },
        state: run.state.name,
        attempt: phase.attempt,
      },
      phase,
      (outcome: TaskOutcome) => {
        this.#pending.delete(scope)
        // Not at once: those that end together are committed together.
        this.#soon(scope, run, (turn) => {
          stateTypes.Task.answer(turn, scope, run, outcome)
        })
      },
    )
  }

  /** Waits for a task that was submitted: for its child, its token or its timeout. */
  #awaitTask(scope: Scope, run: StateRun, phase: SubmittedPhase): void {
    const { clock, nested } = this.#services
    const { resource } = run.state as TaskState
    const end = (outcome: TaskOutcome) => {
      this.#takeAlone((turn) => {
        stateTypes.Task.end(turn, scope, run, outcome)
      })
    }
    const timers = new TaskTimers(clock, phase, phase.since, (isHeartbeat) => {
      end({ kind: 'timedOut', isHeartbeat })
    })
    const stopWaiting =
      phase.child === undefined ? undefined : nested.whenEnded(resource, phase.child, end)
    this.#pending.set(scope, {
      heartbeat: () => {
        timers.heartbeat()
      },
      cancel: () => {
        timers.close()
        stopWaiting?.()
      },
    })
  }

  #setDeadline(): void {
    const { machine, type, startTime, redriveTime } = this.execution
    const seconds = Math.min(
      machine.timeoutSeconds ?? Infinity,
      type === 'EXPRESS' ? limits.expressSeconds : Infinity,
    )
    if (seconds === Infinity) return
    const at = (redriveTime ?? startTime) + seconds * 1000
    this.#cancelDeadline?.()
    this.#cancelDeadline = this.#services.clock.setTimer(at, () => {
      this.#takeAlone((turn) => {
        this.#abort(turn, 'ExecutionTimedOut', { error: errorNames.timeout })
      })
    })
  }
}

/** Folds a log from its start. */
export function replay(execution: Execution, events: Iterable<LogEvent>): Execution {
  for (const event of events) apply(execution, event)
  return execution
}

type TaskPhase = Extract<StateRun['phase'], { readonly kind: 'task' }>
type SubmittedPhase = Extract<StateRun['phase'], { readonly kind: 'submitted' }>

/** Who does the task; what `tasks` throws fails it. */
function handlerOf(tasks: Tasks, state: TaskState): TaskHandler | undefined {
  try {
    return tasks(state.resource, state)
  } catch (error) {
    return () => {
      throw error
    }
  }
}

function unknownResource(state: TaskState): TaskHandler {
  return () => {
    const error = new Error(`No handler is given for the resource ${state.resource}`)
    error.name = errorNames.runtime
    throw error
  }
}

/** A turn that could not be decided ends its execution. */
function failureOf(error: unknown): Failure {
  const cause =
    error instanceof HistoryFull
      ? `The execution reached the maximum number of history events (${limits.historyEvents}).`
      : `The state could not be run: ${error instanceof Error ? error.message : String(error)}`
  return { error: errorNames.runtime, cause }
}

import { apply } from './apply.ts'
import { Attempt } from './attempt.ts'
import type { Clock } from './clock.ts'
import type { TaskState } from './definition/states.ts'
import { errorNames, type Failure, failureFields } from './errors.ts'
import type { Execution, Scope, StateRun } from './execution.ts'
import type { LogEvent } from './log.ts'
import { limits } from './limits.ts'
import type { Scheduler } from './scheduler.ts'
import { stateTypes } from './states/index.ts'
import type { TaskOutcome } from './states/task.ts'
import type { TaskHandler, Tasks } from './tasks.ts'
import { HistoryFull, Turn } from './turn.ts'

/** What executions share. */
export interface RunnerServices {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly tasks: Tasks
  readonly random: () => number
  /** Makes the events durable, whole or not at all. */
  commit(execution: Execution, events: readonly LogEvent[]): void
  /** Called after each commit. */
  committed(runner: Runner): void
  /** The commit failed: what is in memory no longer is what is stored. */
  failed(runner: Runner, error: unknown): void
}

/**
 * Runs one execution: takes turns, commits them, and has timers and handlers take the next ones. What
 * is pursued depends on the folded state alone, so that a start, a restart after a kill and a redrive
 * are one thing.
 */
export class Runner {
  readonly execution: Execution
  readonly #services: RunnerServices
  /** Ends what a scope waits for: a handler, a timer. */
  readonly #pending = new Map<Scope, () => void>()
  #cancelDeadline: (() => void) | undefined
  #closed = false

  constructor(execution: Execution, services: RunnerServices) {
    this.execution = execution
    this.#services = services
  }

  get isRunning(): boolean {
    return !this.#closed && this.execution.status === 'RUNNING'
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

  /** Stops timers and aborts handlers; the execution stays as its log has it. */
  close(): void {
    this.#closed = true
    this.#cancelDeadline?.()
    for (const cancel of this.#pending.values()) cancel()
    this.#pending.clear()
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
      turn.emit(0, { type: 'ExecutionFailed', ...failureOf(error) })
    }
    if (turn.events.length === 0) return
    this.#commit(turn)
    const touched = this.#touchedBy(turn.events)
    if (!this.isRunning) {
      this.close()
      return
    }
    for (const scope of touched) this.#pursue(scope)
  }

  #commit(turn: Turn): void {
    try {
      this.#services.commit(this.execution, turn.events)
    } catch (error) {
      this.close()
      this.#services.failed(this, error)
      throw error
    }
    this.#services.committed(this)
  }

  /** As `#take`, where there is no caller to be told of a fault. */
  #takeAlone(body: (turn: Turn) => void): void {
    try {
      this.#take(body)
    } catch (error) {
      if (this.#closed) return
      this.close()
      this.#services.failed(this, error)
    }
  }

  #touchedBy(events: readonly LogEvent[]): Set<Scope> {
    const touched = new Set<Scope>()
    for (const event of events) {
      const scope = this.execution.scopes.get(event.scope)!
      touched.add(scope)
      if (event.type === 'ParallelStarted') {
        for (const branch of scope.run?.children?.scopes ?? []) touched.add(branch)
      }
    }
    return touched
  }

  /** Sees to it that what the scope waits for comes. */
  #pursue(scope: Scope): void {
    this.#pending.get(scope)?.()
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
        this.#pending.set(scope, this.#attempt(scope, run))
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
      case 'ended':
        break
    }
  }

  /** Takes a turn when its time among the ready ones comes, if then the scope is still as it is now. */
  #soon(scope: Scope, run: StateRun | undefined, body: (turn: Turn) => void): void {
    const phase = run?.phase
    this.#services.scheduler.add(() => {
      if (scope.status !== 'running' || scope.run !== run || scope.run?.phase !== phase) return
      this.#takeAlone(body)
    })
  }

  #at(time: number, scope: Scope, body: (turn: Turn) => void): void {
    const cancel = this.#services.clock.setTimer(time, () => {
      this.#pending.delete(scope)
      this.#takeAlone(body)
    })
    this.#pending.set(scope, cancel)
  }

  /** Starts the handler of the task that the scope is in; the answer cancels it. */
  #attempt(scope: Scope, run: StateRun): () => void {
    const { execution, isRunning } = this
    const { phase, state } = run
    if (!isRunning || phase.kind !== 'task' || state.type !== 'Task') return () => undefined
    const { tasks } = this.#services
    const attempt = new Attempt(
      this.#services.clock,
      (context) => {
        const handler = tasks(state.resource, state) ?? unknownResource(state)
        // A copy: the handler may do with it what it likes.
        return handler(structuredClone(phase.parameters.value), context)
      },
      {
        taskToken: phase.taskToken,
        execution: {
          arn: execution.arn,
          name: execution.name,
          stateMachineArn: execution.stateMachineArn,
        },
        state: state.name,
        attempt: phase.attempt,
      },
      phase,
      (outcome: TaskOutcome) => {
        this.#pending.delete(scope)
        this.#takeAlone((turn) => {
          stateTypes.Task.end(turn, scope, run, outcome)
        })
      },
    )
    return () => {
      attempt.cancel()
    }
  }

  #setDeadline(): void {
    const { machine, startTime, redriveTime } = this.execution
    if (machine.timeoutSeconds === undefined) return
    const at = (redriveTime ?? startTime) + machine.timeoutSeconds * 1000
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

import type { Clock } from './clock.ts'
import { dataOf } from './data.ts'
import { limits } from './limits.ts'
import type { TaskBounds } from './log.ts'
import type { TaskOutcome } from './states/task.ts'
import { TaskTimers } from './task-timers.ts'
import type { TaskContext } from './tasks.ts'

/** One attempt of a task: its handler, and the timers that end it when the handler does not. */
export class Attempt {
  readonly #timers: TaskTimers
  readonly #onEnd: (outcome: TaskOutcome) => void
  readonly #controller = new AbortController()
  readonly #release: () => void
  #ended = false

  /** @param onEnd called once, never within this constructor; not at all when cancelled before */
  constructor(
    clock: Clock,
    handler: (context: TaskContext) => unknown,
    context: Omit<TaskContext, 'signal' | 'heartbeat'>,
    bounds: TaskBounds,
    onEnd: (outcome: TaskOutcome) => void,
  ) {
    this.#onEnd = onEnd
    this.#release = clock.hold?.('handler') ?? (() => undefined)
    this.#timers = new TaskTimers(clock, bounds, clock.now(), (isHeartbeat) => {
      this.#end({ kind: 'timedOut', isHeartbeat })
    })
    void this.#run(handler, {
      ...context,
      signal: this.#controller.signal,
      heartbeat: () => {
        this.heartbeat()
      },
    })
  }

  heartbeat(): void {
    this.#timers.heartbeat()
  }

  /** Ends the attempt without an outcome; the handler's signal is aborted. */
  cancel(): void {
    if (this.#ended) return
    this.detach()
    this.#controller.abort()
  }

  /** As `cancel`, but the handler may go on: the task has ended by its token, perhaps by this handler. */
  detach(): void {
    if (this.#ended) return
    this.#close()
    this.#release()
  }

  async #run(handler: (context: TaskContext) => unknown, context: TaskContext): Promise<void> {
    let outcome: TaskOutcome
    try {
      // Also a handler that throws or answers at once ends after this constructor. What is cancelled
      // meanwhile (the commit failed that it was started with) does not start.
      await Promise.resolve()
      if (this.#ended) return
      outcome = { kind: 'succeeded', output: dataOf(await handler(context)) }
    } catch (error) {
      outcome = { kind: 'failed', failure: failureOf(error) }
    }
    this.#end(outcome)
  }

  #end(outcome: TaskOutcome): void {
    if (this.#ended) return
    this.#close()
    if (outcome.kind === 'timedOut') this.#controller.abort()
    this.#onEnd(outcome)
    this.#release()
  }

  #close(): void {
    this.#ended = true
    this.#timers.close()
  }
}

/** Whatever was thrown, as Error and Cause. */
function failureOf(thrown: unknown): { error: string; cause: string } {
  const isErrorLike = thrown !== null && typeof thrown === 'object' && 'message' in thrown
  const { name, message } = isErrorLike
    ? (thrown as { name?: unknown; message: unknown })
    : { name: undefined, message: thrown }
  return {
    error: (typeof name === 'string' && name !== '' ? name : 'Error').slice(0, limits.errorLength),
    cause: String(message).slice(0, limits.causeLength),
  }
}

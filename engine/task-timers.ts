import type { Clock } from './clock.ts'
import type { TaskBounds } from './log.ts'

/** The timers that end a task: its timeout, and its heartbeat, which each sign of life sets back. */
export class TaskTimers {
  readonly #clock: Clock
  readonly #heartbeatSeconds: number | undefined
  readonly #onTimeout: (isHeartbeat: boolean) => void
  #cancelTimeout: (() => void) | undefined
  #cancelHeartbeat: (() => void) | undefined
  #closed = false

  /**
   * @param since milliseconds since 1970 from which the timeout counts; the heartbeat counts from now
   * @param onTimeout called once at most, never within this constructor
   */
  constructor(
    clock: Clock,
    { timeoutSeconds, heartbeatSeconds }: TaskBounds,
    since: number,
    onTimeout: (isHeartbeat: boolean) => void,
  ) {
    this.#clock = clock
    this.#heartbeatSeconds = heartbeatSeconds
    this.#onTimeout = onTimeout
    if (timeoutSeconds !== undefined) {
      this.#cancelTimeout = clock.setTimer(since + timeoutSeconds * 1000, () => {
        this.#end(false)
      })
    }
    this.heartbeat()
  }

  /** A sign of life. */
  heartbeat(): void {
    if (this.#closed || this.#heartbeatSeconds === undefined) return
    this.#cancelHeartbeat?.()
    const deadline = this.#clock.now() + this.#heartbeatSeconds * 1000
    this.#cancelHeartbeat = this.#clock.setTimer(deadline, () => {
      this.#end(true)
    })
  }

  close(): void {
    this.#closed = true
    this.#cancelTimeout?.()
    this.#cancelHeartbeat?.()
  }

  #end(isHeartbeat: boolean): void {
    if (this.#closed) return
    this.close()
    this.#onTimeout(isHeartbeat)
  }
}

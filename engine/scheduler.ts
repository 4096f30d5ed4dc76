import type { Clock } from './clock.ts'

/** Milliseconds that the loop may take before everything else of the process gets its turn. */
const slice = 5

/**
 * Runs what is ready, one step at a time and in order, so that executions take turns; gives way to the
 * event loop after each slice, so that a state machine that never waits holds up nothing else.
 */
export class Scheduler {
  readonly #clock: Clock
  #ready: (() => void)[] = []
  #release: (() => void) | undefined
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(step: () => void): void {
    if (this.#closed) return
    this.#ready.push(step)
    if (this.#release === undefined) {
      this.#release = this.#clock.hold?.() ?? (() => undefined)
      setImmediate(this.#drain)
    }
  }

  close(): void {
    this.#closed = true
    this.#ready = []
  }

  readonly #drain = (): void => {
    const end = performance.now() + slice
    while (this.#ready.length > 0 && performance.now() < end) {
      const round = this.#ready
      this.#ready = []
      let done = 0
      while (done < round.length && performance.now() < end && !this.#closed) round[done++]!()
      if (done < round.length && !this.#closed) this.#ready = [...round.slice(done), ...this.#ready]
    }
    if (this.#ready.length > 0) {
      setImmediate(this.#drain)
    } else {
      this.#release?.()
      this.#release = undefined
    }
  }
}

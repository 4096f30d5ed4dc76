import type { Clock } from './clock.ts'

/** Milliseconds that a slice may take before everything else of the process gets its turn. */
const sliceLength = 5

/** Steps between looks at the time. */
const stepsAtOnce = 16

/**
 * Runs what is ready, one step at a time and in order, so that executions take turns; gives way to the
 * event loop after each slice, so that a state machine that never waits holds up nothing else.
 */
export class Scheduler {
  readonly #clock: Clock
  readonly #around: (slice: () => void) => void
  readonly #ready = new Queue<() => void>()
  #release: (() => void) | undefined
  #closed = false

  /** @param around runs each slice, with what is to be done before and after it */
  constructor(clock: Clock, around: (slice: () => void) => void) {
    this.#clock = clock
    this.#around = around
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
    this.#ready.clear()
  }

  readonly #drain = (): void => {
    this.#around(this.#slice)
    if (this.#ready.length > 0) {
      setImmediate(this.#drain)
    } else {
      this.#release?.()
      this.#release = undefined
    }
  }

  readonly #slice = (): void => {
    const end = performance.now() + sliceLength
    do {
      for (let i = 0; i < stepsAtOnce && this.#ready.length > 0; i++) this.#ready.shift()()
    } while (this.#ready.length > 0 && performance.now() < end)
  }
}

/** First in, first out. */
class Queue<T> {
  #items: T[] = []
  #first = 0

  get length(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Only when there is one. */
  shift(): T {
    const item = this.#items[this.#first++]!
    // What is done is given up now and then, not one by one.
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  clear(): void {
    this.#items = []
    this.#first = 0
  }
}

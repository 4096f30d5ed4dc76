/**
 * The engine's time. Waits, timeouts and retry delays are timers of it, and history's times are its
 * `now`.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls `callback` once when `now` has reached `at`; the answer cancels it. */
  setTimer(at: number, callback: () => void): () => void
  /**
   * Says that work other than timers is under way until the answer is called. A clock that moves by
   * itself stands still meanwhile. `running` is a handler, which may never end; without it, it is the
   * engine's own work, which does.
   */
  hold?(running?: 'handler'): () => void
}

const longestTimeout = 2 ** 31 - 1

/** Milliseconds of patience that pass at a time: a process that is held up loses no more than these. */
const patiencePart = 50

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(at, callback) {
    let timeout: NodeJS.Timeout
    // setTimeout takes at most 25 days, and warns of a time that is over, as after a restart.
    const arm = () => {
      const left = Math.max(0, at - Date.now())
      timeout = left > longestTimeout ? setTimeout(arm, longestTimeout) : setTimeout(callback, left)
    }
    arm()
    return () => {
      clearTimeout(timeout)
    }
  },
}

export interface VirtualClock extends Required<Clock> {
  /** Moves by `milliseconds`, running the timers on the way in order of their times. */
  advance(milliseconds: number): void
}

/**
 * A clock for tests: it stands still while anything is being done and jumps to the next timer when
 * nothing but timers is pending, so that a year of waiting takes no time. Timers run in order of
 * their times, those of one time in the order they were set.
 *
 * @param options.start milliseconds since 1970; default 2024-01-01T00:00:00Z
 * @param options.automatic false: it moves only by `advance`; default true
 * @param options.patience real milliseconds that a handler may take before it counts as one that hangs
 * and timers (its timeout, say) run nevertheless, without those in which the process itself was held up;
 * default 1000
 */
export function virtualClock(
  options: { start?: number; automatic?: boolean; patience?: number } = {},
): VirtualClock {
  const { start = Date.UTC(2024, 0, 1), automatic = true, patience = 1000 } = options
  return new AutomaticClock(start, automatic, patience)
}

interface Timer {
  readonly at: number
  readonly order: number
  /** Absent when cancelled. */
  callback: (() => void) | undefined
}

class AutomaticClock implements VirtualClock {
  readonly #automatic: boolean
  readonly #patience: number
  readonly #timers = new TimerHeap()
  #now: number
  #order = 0
  #working = 0
  #handlers = 0
  #scheduled = false
  #patienceTimeout: NodeJS.Timeout | undefined

  constructor(start: number, automatic: boolean, patience: number) {
    this.#now = start
    this.#automatic = automatic
    this.#patience = patience
  }

  now(): number {
    return this.#now
  }

  setTimer(at: number, callback: () => void): () => void {
    const timer: Timer = { at, order: this.#order++, callback }
    this.#timers.push(timer)
    this.#consider()
    return () => {
      timer.callback = undefined
    }
  }

  hold(running?: 'handler'): () => void {
    let held = true
    if (running === 'handler') this.#handlers++
    else this.#working++
    return () => {
      if (!held) return
      held = false
      if (running === 'handler') this.#handlers--
      else this.#working--
      this.#restartPatience()
      this.#consider()
    }
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (let next = this.#peek(); next !== undefined && next.at <= end; next = this.#peek()) {
      this.#runNext()
    }
    this.#now = end
  }

  /** Moves on in a later turn of the event loop, if then still nothing but timers is pending. */
  #consider(): void {
    if (!this.#automatic || this.#scheduled || this.#working > 0) return
    if (this.#peek() === undefined) return
    if (this.#handlers > 0) {
      if (this.#patienceTimeout === undefined) this.#losePatience(this.#patience)
      return
    }
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#working === 0 && this.#handlers === 0) this.#runNext()
      this.#consider()
    })
  }

  #losePatience(left: number): void {
    const part = Math.min(left, patiencePart)
    this.#patienceTimeout = setTimeout(() => {
      if (left > part) return this.#losePatience(left - part)
      this.#patienceTimeout = undefined
      if (this.#working === 0 && this.#runNext()) this.#consider()
    }, part)
  }

  #restartPatience(): void {
    clearTimeout(this.#patienceTimeout)
    this.#patienceTimeout = undefined
  }

  #runNext(): boolean {
    const timer = this.#peek()
    if (timer === undefined) return false
    this.#timers.pop()
    this.#now = Math.max(this.#now, timer.at)
    timer.callback?.()
    return true
  }

  #peek(): Timer | undefined {
    let timer = this.#timers.peek()
    while (timer !== undefined && timer.callback === undefined) {
      this.#timers.pop()
      timer = this.#timers.peek()
    }
    return timer
  }
}

/** A binary heap with the earliest timer first. */
class TimerHeap {
  readonly #items: Timer[] = []

  peek(): Timer | undefined {
    return this.#items[0]
  }

  push(timer: Timer): void {
    const items = this.#items
    let i = items.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(timer, items[parent]!)) break
      items[i] = items[parent]!
      i = parent
    }
    items[i] = timer
  }

  pop(): void {
    const items = this.#items
    const last = items.pop()
    if (last === undefined || items.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= items.length) break
      if (child + 1 < items.length && isBefore(items[child + 1]!, items[child]!)) child++
      if (!isBefore(items[child]!, last)) break
      items[i] = items[child]!
      i = child
    }
    items[i] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

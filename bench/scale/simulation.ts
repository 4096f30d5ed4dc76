/** Events in the order of their time, and of those at one time in the order in which they were set. */
export class Simulation {
  /** Seconds since the beginning. */
  now = 0
  /** Events that have happened. */
  events = 0
  readonly #heap: Event[] = []
  #set = 0

  after(seconds: number, happen: () => void): void {
    this.#heap.push({ time: this.now + seconds, order: this.#set++, happen })
    this.#rise(this.#heap.length - 1)
  }

  /** Until nothing is left to happen. */
  run(): void {
    for (let event = this.#first(); event !== undefined; event = this.#first()) {
      this.now = event.time
      this.events++
      event.happen()
    }
  }

  #first(): Event | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (first !== last && last !== undefined) {
      this.#heap[0] = last
      this.#sink()
    }
    return first
  }

  #rise(from: number): void {
    const heap = this.#heap
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!isBefore(heap[at]!, heap[parent]!)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(): void {
    const heap = this.#heap
    for (let at = 0; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child
      }
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    ;[heap[a], heap[b]] = [heap[b]!, heap[a]!]
  }
}

interface Event {
  readonly time: number
  readonly order: number
  readonly happen: () => void
}

function isBefore(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}

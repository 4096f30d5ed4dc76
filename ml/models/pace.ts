import { checkpoint, type FitOptions } from './classifier.ts'

/** Multiplications, or as many comparisons, between two looks at the signal: some milliseconds. */
const workBetweenLooks = 2 ** 22

/** Has a long computation look at its fit's signal, and tell of progress, now and then. */
export class Pace {
  readonly #options: FitOptions
  readonly #total: number
  #done = 0
  #next = workBetweenLooks
  #looks = 0

  /** @param total the work of all of it, as far as that can be told */
  constructor(options: FitOptions, total: number) {
    this.#options = options
    this.#total = total
  }

  /** So much more is done. Throws FitAborted. */
  advance(work: number): void {
    this.#done += work
    if (this.#done < this.#next) return
    this.#next = this.#done + workBetweenLooks
    const fraction = Math.min(1, this.#done / this.#total)
    checkpoint(this.#options, { fraction, iterations: ++this.#looks })
  }
}

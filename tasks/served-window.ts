import * as z from 'zod'

/** Labelled rows that the windowed metric is of. */
export const windowRows = 500

export const servedWindowState = z.object({
  /** Of each row the squared error, or of classes 0 (right) and 1 (wrong). */
  losses: z.array(z.number().nonnegative()).max(windowRows),
  /** Where the next one goes. */
  next: z.number().int().nonnegative(),
})
export type ServedWindowState = z.infer<typeof servedWindowState>

/** How a version did on the last labelled rows: the mean of their losses. */
export class ServedWindow {
  readonly #losses: number[]
  #next: number

  constructor(state?: ServedWindowState) {
    this.#losses = [...(state?.losses ?? [])]
    this.#next = state?.next ?? 0
  }

  add(loss: number): void {
    this.#losses[this.#next] = loss
    this.#next = (this.#next + 1) % windowRows
  }

  get rows(): number {
    return this.#losses.length
  }

  /** 0 where there are no rows. */
  get meanLoss(): number {
    const sum = this.#losses.reduce((total, loss) => total + loss, 0)
    return this.rows === 0 ? 0 : sum / this.rows
  }

  state(): ServedWindowState {
    return { losses: [...this.#losses], next: this.#next }
  }
}

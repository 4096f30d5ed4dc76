import type { ExecutionEvent } from '../platform/ports/index.ts'
import { duration, printLine, styled, type Terminal } from './terminal.ts'

interface StateProgress {
  readonly name: string
  entered: number
  exited: number
  readonly since: number
  until: number
  trouble: string | undefined
}

/**
 * Shows an execution moving through its states: redrawn in place on a terminal, a line for each
 * transition elsewhere.
 */
export class Progress {
  readonly #stream: Terminal['err']
  readonly #states = new Map<string, StateProgress>()
  #started: number | undefined
  #drawn = 0

  constructor(stream: Terminal['err']) {
    this.#stream = stream
  }

  show(event: ExecutionEvent): void {
    const at = Date.parse(event.timestamp)
    this.#started ??= at
    const told = this.#take(event, at)
    if (this.#stream.isTTY) this.#redraw()
    else if (told !== undefined) {
      const since = `${((at - this.#started) / 1000).toFixed(3)} s`
      printLine(this.#stream, `${since.padStart(9)}  ${told}`)
    }
  }

  /** Notes an event; answers what a line may say of it, if it is worth one. */
  #take(event: ExecutionEvent, at: number): string | undefined {
    const [, kind] = /State(Entered|Exited)$/.exec(event.type) ?? []
    const name = event.details['name']
    if (kind === 'Entered' && typeof name === 'string') {
      const state = this.#states.get(name)
      if (state === undefined) {
        this.#states.set(name, {
          name,
          entered: 1,
          exited: 0,
          since: at,
          until: at,
          trouble: undefined,
        })
      } else {
        state.entered += 1
      }
      return name
    }
    if (kind === 'Exited' && typeof name === 'string') {
      const state = this.#states.get(name)
      if (state !== undefined) {
        state.exited += 1
        state.until = at
        state.trouble = undefined
      }
      return undefined
    }
    if (/^(Task|Lambda|Execution|Evaluation)\w*(Failed|TimedOut|Aborted)$/.test(event.type)) {
      const { error, cause } = event.details
      const trouble = [error, cause].filter((part) => typeof part === 'string').join(': ')
      const running = [...this.#states.values()].filter((state) => state.exited < state.entered)
      for (const state of running.slice(-1)) state.trouble = trouble
      return `${event.type}: ${trouble}`
    }
    return /^Execution(Succeeded|Redriven)$/.test(event.type) ? event.type : undefined
  }

  #redraw(): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[0J`)
    const width = Math.max(12, ...[...this.#states.keys()].map((name) => name.length))
    for (const state of this.#states.values()) {
      const done = state.exited >= state.entered
      const mark = state.trouble !== undefined ? '✗' : done ? '✓' : '▸'
      const style = state.trouble !== undefined ? 'red' : done ? 'green' : 'yellow'
      const count = state.entered > 1 ? ` ${state.exited}/${state.entered}` : ''
      const time = done ? duration(state.until - state.since) : '…'
      printLine(
        this.#stream,
        `  ${styled(this.#stream, style, mark)} ${state.name.padEnd(width)} ${time.padStart(8)}${count}`,
      )
    }
    this.#drawn = this.#states.size
  }
}

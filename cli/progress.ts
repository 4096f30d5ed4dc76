import type { ExecutionEvent } from '../platform/ports/index.ts'
import type { LeftOutAlgorithm } from '../tasks/shapes.ts'
import { describeLeftOut } from './execution-end.ts'
import { readableCause } from './readable-cause.ts'
import { Redrawn } from './redrawn.ts'
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
  readonly #redrawn: Redrawn
  readonly #states = new Map<string, StateProgress>()
  /** What will not be raced, as soon as validation has said so. */
  #leftOut: string[] = []
  #started: number | undefined

  constructor(stream: Terminal['err']) {
    this.#stream = stream
    this.#redrawn = new Redrawn(stream)
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
      const leftOut = leftOutBy(event)
      if (leftOut.length === 0) return undefined
      this.#leftOut = leftOut
      return `${name}: left out: ${leftOut.join('; ')}`
    }
    if (/^(Task|Lambda|Execution|Evaluation)\w*(Failed|TimedOut|Aborted)$/.test(event.type)) {
      const { error = '', cause = '' } = event.details as { error?: string; cause?: string }
      const trouble = [error, readableCause(cause)].filter((part) => part !== '').join(': ')
      const running = [...this.#states.values()].filter((state) => state.exited < state.entered)
      for (const state of running.slice(-1)) state.trouble = trouble
      return `${event.type}: ${trouble}`
    }
    return /^Execution(Succeeded|Redriven)$/.test(event.type) ? event.type : undefined
  }

  #redraw(): void {
    const width = Math.max(12, ...[...this.#states.keys()].map((name) => name.length))
    const lines = [...this.#states.values()].map((state) => {
      const done = state.exited >= state.entered
      const mark = state.trouble !== undefined ? '✗' : done ? '✓' : '▸'
      const style = state.trouble !== undefined ? 'red' : done ? 'green' : 'yellow'
      const count = state.entered > 1 ? ` ${state.exited}/${state.entered}` : ''
      const time = done ? duration(state.until - state.since) : '…'
      const shownMark = styled(this.#stream, style, mark)
      return `  ${shownMark} ${state.name.padEnd(width)} ${time.padStart(8)}${count}`
    })
    const notes = this.#leftOut.map((line) => `    left out: ${line}`)
    if (lines.length > 0) this.#redrawn.draw([...lines, ...notes], 'last')
  }
}

/** What a state that was left says will not be raced. */
function leftOutBy({ details: { name, output } }: ExecutionEvent): string[] {
  if (name !== 'Validate' || typeof output !== 'string') return []
  const { leftOut = [] } = JSON.parse(output) as { leftOut?: LeftOutAlgorithm[] }
  return describeLeftOut(leftOut)
}

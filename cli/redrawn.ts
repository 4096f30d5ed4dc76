import { stripVTControlCharacters } from 'node:util'
import type { Terminal } from './terminal.ts'

/**
 * Lines that are drawn again in the same place of a terminal. What does not fit is cut, since the
 * cursor cannot go back over a line that was wrapped or has scrolled away.
 */
export class Redrawn {
  readonly #stream: Terminal['out']
  #drawn = 0

  constructor(stream: Terminal['out']) {
    this.#stream = stream
  }

  /** Draws in place of what was drawn before; `keep` says which end stays when the height is short. */
  draw(lines: readonly string[], keep: 'first' | 'last'): void {
    const shown = this.#fitting(lines, keep)
    const back = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    // Cleared line by line: a terminal that is cleared from its top may keep all of it as history.
    const cleared = shown.map((line) => `${line}\u001b[K\n`).join('')
    this.#stream.write(`${back}${cleared}\u001b[0J`)
    this.#drawn = shown.length
  }

  #fitting(lines: readonly string[], keep: 'first' | 'last'): string[] {
    const { columns = 80, rows = 24 } = this.#stream
    const height = Math.max(2, rows - 1)
    const cut = lines.map((line) => clipped(line, columns))
    if (cut.length <= height) return cut
    const left = lines.length - height + 1
    const told = clipped(`  … ${left} more`, columns)
    return keep === 'first' ? [...cut.slice(0, height - 1), told] : [told, ...cut.slice(1 - height)]
  }
}

/** A line of at most so many columns; one that is cut loses its styles, which must not run on. */
function clipped(line: string, columns: number): string {
  const plain = [...stripVTControlCharacters(line)]
  return plain.length <= columns ? line : `${plain.slice(0, columns - 1).join('')}…`
}

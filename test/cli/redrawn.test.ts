import { describe, expect, it } from 'vitest'
import { Progress } from '../../cli/progress.ts'
import { Redrawn } from '../../cli/redrawn.ts'
import { Screen } from './terminal.ts'

/** What is on the screen: lines written, the cursor moved up, what is below cleared. */
function onScreen(screen: Screen): string[] {
  const lines: string[] = []
  let row = 0
  let line = ''
  for (const part of screen.text.split('\u001b')) {
    const [, up] = /^\[(\d+)A/.exec(part) ?? []
    if (up !== undefined) row -= Number(up)
    if (part.startsWith('[0J')) lines.length = row
    for (const character of part.replace(/^\[\d*[A-Za-z]/, '')) {
      if (character === '\n') {
        lines[row++] = line
        line = ''
      } else line += character
    }
  }
  return lines
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}`)

describe('Redrawn', () => {
  it('goes back over just what it drew', () => {
    const screen = new Screen(20, 10)
    const redrawn = new Redrawn(screen)
    redrawn.draw(numbered(3), 'first')
    expect(onScreen(screen)).toEqual(numbered(3))
    redrawn.draw(numbered(1), 'first')
    redrawn.draw(numbered(2), 'first')
    expect(onScreen(screen)).toEqual(numbered(2))
  })

  it('clears each line and what is below, never the screen from its top', () => {
    const screen = new Screen(20, 10)
    const redrawn = new Redrawn(screen)
    redrawn.draw(['a', 'b'], 'first')
    redrawn.draw(['c'], 'first')
    expect(screen.text).toBe('a\u001b[K\nb\u001b[K\n\u001b[0J' + '\u001b[2Ac\u001b[K\n\u001b[0J')
  })

  it('stays within the height, telling how many lines are left out', () => {
    const screen = new Screen(20, 5)
    const redrawn = new Redrawn(screen)
    redrawn.draw(numbered(9), 'first')
    expect(onScreen(screen)).toEqual(['line 0', 'line 1', 'line 2', '  … 6 more'])
    redrawn.draw(numbered(9), 'last')
    expect(onScreen(screen)).toEqual(['  … 6 more', 'line 6', 'line 7', 'line 8'])
    expect(screen.text).toContain('\u001b[4A')
    redrawn.draw(numbered(4), 'last')
    expect(onScreen(screen)).toEqual(numbered(4))
  })

  it('stays within the width, styles not counted', () => {
    const screen = new Screen(10, 5)
    const green = '\u001b[32m0123456789\u001b[39m'
    new Redrawn(screen).draw([green, `${green}0`], 'first')
    expect(screen.text).toContain(`${green}\u001b[K\n012345678…\u001b[K\n`)
  })
})

describe('Progress', () => {
  const at = (type: string, details: Record<string, string>, id = 1) => ({
    id,
    previousEventId: id - 1,
    type,
    timestamp: new Date(id).toISOString(),
    details,
  })

  it('keeps to the height of a low terminal, the latest states shown', () => {
    const screen = new Screen(40, 6)
    const progress = new Progress(screen)
    for (let i = 0; i < 20; i++) progress.show(at('PassStateEntered', { name: `State${i}` }, i))
    expect(onScreen(screen)).toHaveLength(5)
    expect(onScreen(screen).at(-1)).toContain('State19')
    const ups = screen.text.split('\u001b[').flatMap((part) => /^(\d+)A/.exec(part)?.[1] ?? [])
    expect(Math.max(...ups.map(Number))).toBe(5)
  })

  it("tells a failed task by its error's message, not by JSON", () => {
    const piped = Object.assign(new Screen(80, 24), { isTTY: false })
    const cause = JSON.stringify({ errorType: 'E', errorMessage: 'the disk\nis full', trace: [] })
    new Progress(piped).show(at('TaskFailed', { error: 'E', cause }))
    expect(piped.text).toBe('  0.000 s  TaskFailed: E: the disk is full\n')
  })
})

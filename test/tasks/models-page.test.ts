import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { searchSpaceOf, trainersOf } from '../../ml/models/index.ts'
import { learningTask } from '../../tasks/shapes.ts'
import { defaultTrials } from '../../tasks/training-configuration.ts'

const page = readFileSync(new URL('../../docs/models.md', import.meta.url), 'utf8')
const rows = page
  .split('\n')
  .filter((line) => /^\| `[a-z-]+`.*✓/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
const tasks = learningTask.options

describe('the page of models', () => {
  it('has every algorithm with its tasks, its row cap and what is tuned', () => {
    const told = rows.flatMap(([, name, ...cells]) =>
      tasks.flatMap((task, t) =>
        cells[t] === '✓' ? [[name!.replaceAll('`', ''), task, cells[3]!]] : [],
      ),
    )
    const there = tasks.flatMap((task) =>
      Object.values(trainersOf(task)).map(({ name, rowCap }) => [
        name,
        task,
        rowCap.toLocaleString('en-US'),
      ]),
    )
    expect(told.sort()).toEqual(there.sort())
    for (const [, name, ...cells] of rows) {
      const t = cells.indexOf('✓')
      const tuned = Object.keys(searchSpaceOf(name!.replaceAll('`', ''), tasks[t]!))
      if (cells[4] === 'the same') continue
      expect(cells[4]).toBe(tuned.map((option) => `\`${option}\``).join(', '))
    }
  })

  it('tells the trials that are the default', () => {
    expect(page).toContain(`**${defaultTrials}** unless told`)
  })
})

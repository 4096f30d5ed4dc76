import { seededRandom, writeNpy } from '../../ml/data/index.ts'
import type { LearningTask } from '../../tasks/shapes.ts'

/** A dataset that is made: half of its columns tell the target, more or less clearly. */
export interface MadeData {
  readonly task: LearningTask
  readonly rows: number
  readonly cols: number
  /** Of a classification. */
  readonly classes: number
  /** How much of the target is noise, from 0. */
  readonly noise: number
  readonly format: 'npy' | 'csv'
}

export function makeData(made: MadeData, seed = 1): Uint8Array {
  const { task, rows, cols, format } = made
  const width = task === 'clustering' ? cols : cols + 1
  const data = new Float64Array(rows * width)
  const random = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const informative = Math.max(2, cols >> 1)
  const groups = task === 'classification' ? made.classes : 4
  const centers = Float64Array.from({ length: groups * informative }, () => 1.5 * normal())
  for (let i = 0; i < rows; i++) {
    const group = Math.floor(random() * groups)
    let sum = 0
    for (let j = 0; j < cols; j++) {
      const center =
        j < informative ? centers[group * informative + j]! / Math.sqrt(informative) : 0
      const value = center * 2 + normal()
      data[i * width + j] = Math.round(value * 1e4) / 1e4
      if (j < informative) sum += j % 2 === 0 ? value : value * Math.abs(value) * 0.5
    }
    if (task === 'classification') {
      data[i * width + cols] = random() < made.noise / 2 ? Math.floor(random() * groups) : group
    } else if (task === 'regression') {
      data[i * width + cols] = Math.round((sum + made.noise * 3 * normal()) * 1e4) / 1e4
    }
  }
  return format === 'npy' ? writeNpy({ data, shape: [rows, width] }) : csvOf(data, width, task)
}

function csvOf(data: Float64Array, width: number, task: LearningTask): Uint8Array {
  const header = Array.from({ length: width }, (_, j) => `column${j}`).join(',')
  const lines = [header]
  for (let at = 0; at < data.length; at += width) {
    const cells = Array.from(data.subarray(at, at + width), String)
    // The classes of a CSV are text, as they mostly are.
    if (task === 'classification') cells[width - 1] = `class ${cells[width - 1]}`
    lines.push(cells.join(','))
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}

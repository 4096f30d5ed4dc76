import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom, writeNpy } from '../../ml/data/index.ts'
import type { TrainingConfiguration } from '../../tasks/training-configuration.ts'

/** A dataset that no rate was fitted to. */
export interface ComparedDataset {
  readonly name: string
  readonly format: 'npy' | 'csv'
  readonly configuration: TrainingConfiguration
  readonly bytes: () => Uint8Array
}

/** @param folder where the real ones are; without it they are left out */
export function comparedDatasets(folder: string | undefined): ComparedDataset[] {
  const made: ComparedDataset[] = [
    { name: 'credit', format: 'csv', configuration: {}, bytes: () => credit(8000) },
    { name: 'friedman', format: 'npy', configuration: {}, bytes: () => friedman(60_000) },
    {
      name: 'customers',
      format: 'npy',
      configuration: { task: 'clustering' },
      bytes: () => customers(90_000),
    },
  ]
  return folder === undefined ? made : [...realDatasets(folder), ...made]
}

function realDatasets(folder: string): ComparedDataset[] {
  const bytesOf = (file: string) => () => readFileSync(join(folder, file))
  return [
    { name: 'iris', format: 'npy', configuration: {}, bytes: bytesOf('sample_data.npy') },
    {
      name: 'keystrokes',
      format: 'csv',
      configuration: { target: 'user', accept: ['ConstantColumn'] },
      bytes: bytesOf('Train_keystroke.csv'),
    },
    {
      name: 'diamonds',
      format: 'csv',
      configuration: { target: 'price', accept: ['DuplicateRows'] },
      bytes: bytesOf('diamonds.csv'),
    },
  ]
}

/** People who paid or not: quantities of different spread, categories, missing values; one in five did not. */
function credit(rows: number): Uint8Array {
  const random = seededRandom(11)
  const homes = ['own', 'rent', 'mortgage', 'other']
  const purposes = ['car', 'house', 'debts', 'education', 'business', 'medical', 'holiday']
  const lines = ['age,income,home,purpose,amount,rate,years,debts,late,score,payments,open,default']
  for (let i = 0; i < rows; i++) {
    const income = Math.round(Math.exp(10 + random() * 1.8))
    const amount = Math.round(1000 + random() ** 2 * 34_000)
    const late = Math.floor(random() ** 3 * 6)
    const score = Math.round(450 + random() * 400)
    const home = Math.floor(random() * homes.length)
    const risk = amount / income + late * 0.4 - (score - 600) / 150 + (home === 1 ? 0.4 : 0)
    const cells = [
      20 + Math.floor(random() * 55),
      random() < 0.05 ? '' : income,
      homes[home],
      purposes[Math.floor(random() ** 1.5 * purposes.length)],
      amount,
      (5 + random() * 18).toFixed(2),
      Math.floor(random() * 40),
      (random() * 0.9).toFixed(3),
      late,
      score,
      Math.floor(random() * 60),
      1 + Math.floor(random() * 20),
      risk + 1.5 * (random() - 0.5) > 1.1 ? 'yes' : 'no',
    ]
    lines.push(cells.join(','))
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`)
}

/** The function by which Friedman compared regressions, of five columns of fifteen. */
function friedman(rows: number): Uint8Array {
  const cols = 15
  const random = seededRandom(12)
  const data = new Float64Array(rows * (cols + 1))
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * (cols + 1), (i + 1) * (cols + 1))
    for (let j = 0; j < cols; j++) row[j] = random()
    const [a, b, c, d, e] = row as unknown as [number, number, number, number, number]
    row[cols] = 10 * Math.sin(Math.PI * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e + random()
  }
  return writeNpy({ data, shape: [rows, cols + 1] })
}

/** Six kinds of customers of unlike number and spread, in columns of which some go together. */
function customers(rows: number): Uint8Array {
  const cols = 7
  const random = seededRandom(13)
  const data = new Float32Array(rows * cols)
  for (let i = 0; i < rows; i++) {
    const kind = Math.floor(6 * random() ** 1.6)
    const size = random() + random() + random()
    for (let j = 0; j < cols; j++) {
      data[i * cols + j] = ((kind * (j + 3)) % 7) * 3 + size * (1 + (j % 3)) + (kind + 1) * random()
    }
  }
  return writeNpy({ data, shape: [rows, cols] })
}

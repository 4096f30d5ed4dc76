import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { npyHeaderOf } from '../../ml/data/index.ts'
import type { Plan } from '../../cli/plan-page.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { pricesCsv } from '../fixtures/quantities.ts'
import { millrace } from './terminal.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-plan-'))
  await writeFile(join(folder, 'iris.npy'), irisNpy())
  await writeFile(join(folder, 'prices.csv'), pricesCsv(60_000, 1))
  await sparse('large.npy', { rows: 2_000_000, width: 31, classes: 12 })
  await sparse('huge.npy', { rows: 1e9, width: 100, classes: 2 })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** A file of zeros that takes no room on the disk; its first targets are of each class. */
async function sparse(name: string, of: { rows: number; width: number; classes: number }) {
  const header = npyHeaderOf([of.rows, of.width], 'float64', false)
  const file = await open(join(folder, name), 'w')
  await file.write(header)
  await file.truncate(header.length + of.rows * of.width * 8)
  for (let row = 0; row < of.classes; row++) {
    const at = header.length + ((row + 1) * of.width - 1) * 8
    await file.write(new Uint8Array(Float64Array.of(row).buffer), { position: at })
  }
  await file.close()
}

const plan = (file: string, ...args: string[]) => millrace('plan', join(folder, file), ...args)

async function json(file: string, ...args: string[]): Promise<Plan> {
  return JSON.parse((await plan(file, ...args, '--json')).out) as Plan
}

const page = await readFile(resolve(import.meta.dirname, '../../docs/plan.md'), 'utf8')
const examples = [...page.matchAll(/```console\n\$ millrace plan (\S+)(.*)\n([^]*?)```/g)]

describe('millrace plan', () => {
  it('is told of by examples', () => {
    expect(examples.map(([, file]) => file)).toEqual(['iris.npy', 'large.npy'])
  })

  it.each(examples.map(([, file, args, told]) => [`${file}${args}`, told!]))(
    'says of %s what the docs say',
    async (line, told) => {
      const [file, ...args] = line.split(' ')
      const { out, err } = await plan(file!, ...args)
      expect(err).toBe('')
      expect(out).toBe(told)
    },
  )

  it('is for programs, too', async () => {
    const { fits, dataset, training, costs, limits } = await json('prices.csv')
    expect(fits).toBe(true)
    expect(dataset).toMatchObject({ format: 'csv', cols: 2, encodedCols: 4, task: 'regression' })
    expect(training.candidates.map(({ algorithm }) => algorithm)).toContain('gradient-boosting')
    expect(costs.map(({ of }) => of)).toEqual(['training', 'predictions', 'batch', 'endpoint'])
    expect(costs.every(({ dollars }) => dollars > 0)).toBe(true)
    expect(limits.map(({ share }) => share)).toEqual(
      limits.map(({ share }) => share).sort((a, b) => b - a),
    )
  })

  it('plans what is asked for', async () => {
    const [usual, asked] = [
      await json('prices.csv'),
      await json(
        ...(['prices.csv', '--algorithm', 'gradient-boosting', '--trials', '40'] as const),
        ...(['--predictions', '5000000', '--memory', '1024'] as const),
      ),
    ]
    expect(asked.training.candidates.map(({ algorithm }) => algorithm)).toEqual([
      'gradient-boosting',
      'mean',
    ])
    const secondsOf = ({ training }: Plan) =>
      training.candidates.find(({ algorithm }) => algorithm === 'gradient-boosting')!.seconds
    expect(secondsOf(asked)).toBeGreaterThan(3 * secondsOf(usual))
    expect(asked.predictions).toBe(5_000_000)
    expect(asked.training.steps[1]!.place.memoryBytes).toBe(2 ** 30)
    const grouped = await json('prices.csv', '--task', 'clustering', '--embedded')
    expect(grouped.dataset).toMatchObject({ task: 'clustering', cols: 3 })
    expect(grouped.costs).toEqual([])
    expect(grouped.training.steps.every(({ place }) => place.seconds === null)).toBe(true)
  })

  it('exits with 1 where it does not fit, and says what to do', async () => {
    const { exitCode, out } = await plan('huge.npy')
    expect(exitCode).toBe(1)
    expect(out).toContain('1,000,000,000 rows × 99 columns')
    expect(out).toContain('train on some of its rows')
    expect((await json('huge.npy')).fits).toBe(false)
  })

  it('sends to containers what functions cannot do, where there are any', async () => {
    const args = ['large.npy', '--algorithm', 'gradient-boosting', '--trials', '200'] as const
    const [without, containers] = [await json(...args), await json(...args, '--container')]
    const placeOf = ({ training }: Plan) => training.candidates[0]!.place?.name
    expect(placeOf(without)).toBeUndefined()
    expect(placeOf(containers)).toBe('container')
  })

  it.each([
    [['nothing.npy'], 7],
    [['iris.txt'], 7],
    [['iris.npy', '--algorithm', 'crystal-ball'], 1],
    [['iris.npy', '--task', 'poetry'], 2],
    [['iris.npy', '--memory', '64'], 2],
    [['iris.npy', '--algorithm', ','], 2],
    [['prices.csv', '--target', 'none'], 7],
    [[''], 7],
  ])('%j exits with %i', async ([file, ...args], exitCode) => {
    expect((await plan(file!, ...args)).exitCode).toBe(exitCode)
  })
})

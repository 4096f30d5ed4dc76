import { describe, expect, it } from 'vitest'
import { memoryPorts, type MemoryPorts } from '../../platform/testing/index.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { askShadow, compareShadow } from '../../tasks/shadow-comparison.ts'
import { drawnRows, drifting } from '../fixtures/drifting.ts'
import { npyOf } from '../fixtures/iris.ts'
import { train } from '../fixtures/train.ts'

/** The file of a model that answers ten times the first feature. */
async function regressionFile(ports: MemoryPorts): Promise<Uint8Array> {
  const rows = drawnRows(300, 1).map(([x, y]) => [x!, y!, 10 * x!])
  const configuration = { task: 'regression', algorithms: ['ridge'], trials: 1 }
  const run = await train(ports, 'uploads/ada/parts.npy', npyOf(rows), { configuration })
  expect(run.status).toBe('SUCCEEDED')
  const { artifact } = await createRegistry(ports.table, ports.clock).version(drifting, 0)
  return ports.objects.read(artifact.key)
}

describe('asking the former champion', () => {
  it('tells how far both answers were from the label', async () => {
    const file = await regressionFile(memoryPorts())
    const row = { instance: [0.5, 0.5], label: 5, predicted: 7 }
    const { rows } = await askShadow.run({
      file,
      rows: [
        row,
        { ...row, instance: [0.5] },
        { ...row, instance: [0.5, 'text'] },
        { ...row, label: 1e308, predicted: -1e308 },
      ],
    })
    expect(rows[0]).toEqual({ present: 2, former: expect.closeTo(0, 1) as number })
    expect(rows.slice(1, 3)).toEqual([null, null])
    // Its square, and the sum of many, must be a number.
    expect(rows[3]).toEqual({ present: 1e150, former: 1e150 })
  })
})

describe('comparing the two', () => {
  const draws = drawnRows(300, 4)
  const compare = (task: 'classification' | 'regression', rows: object[]) =>
    compareShadow.run({ rows: rows as never, task, seed: 1, confidence: 0.95 })

  it('takes the share of wrong answers, or the root mean squared error', async () => {
    const classes = draws.map(([u]) => ({ present: u! < 0.3 ? 1 : 0, former: u! < 0.1 ? 1 : 0 }))
    const share = classes.filter(({ present }) => present === 1).length / 300
    const classified = await compare('classification', classes)
    expect(classified).toMatchObject({ rows: 300, present: expect.closeTo(share) as number })
    expect(classified.lower).toBeGreaterThan(0)
    const distances = draws.map(([u, v]) => ({ present: u!, former: 2 * v! }))
    const regression = await compare('regression', distances)
    expect(regression.present).toBeCloseTo(Math.sqrt(1 / 3), 1)
    expect(regression.former).toBeCloseTo(2 * Math.sqrt(1 / 3), 1)
    expect(regression.upper).toBeLessThan(0)
  })

  it('finds equals no worse, and takes distances of any size', async () => {
    const equal = draws.map(([u]) => ({ present: u!, former: u! }))
    expect(await compare('regression', equal)).toMatchObject({ lower: 0, upper: 0 })
    const huge = draws.map(() => ({ present: 1e150, former: 1e150 }))
    const { present, lower } = await compare('regression', huge)
    expect([present / 1e150, lower]).toEqual([expect.closeTo(1), 0])
  })

  it('says the same by the same seed', async () => {
    const rows = draws.map(([u, v]) => ({ present: u!, former: v! }))
    expect(await compare('regression', rows)).toEqual(await compare('regression', rows))
  })
})

import { describe, expect, it } from 'vitest'
import { writeNpy, type NpyData, type NpyDtype } from '../../ml/data/index.ts'
import { memoryPorts } from '../../platform/testing/index.ts'
import { lendUpload } from '../../tasks/dataset.ts'
import type { TrainingClaim } from '../../tasks/shapes.ts'
import { readTrainingRows } from '../../tasks/training-rows.ts'
import { quantityRows } from '../fixtures/quantities.ts'

/** More than a block of 4 MB: 280,000 rows of 16 bytes a row and more. */
const rows = quantityRows(300, 4).map((row) => row.map((value) => Math.round(value * 8)))
const many = Array.from({ length: 150_000 }, (_, i) => rows[i % 300]!.map((v, j) => v + i * j))

/** The training rows of bytes at hand, and as Train reads them, and what of the upload was read. */
async function bothReadings(bytes: Uint8Array, configuration: object) {
  const ports = memoryPorts()
  const key = 'uploads/ada/data.npy'
  const metadata = { configuration: JSON.stringify(configuration) }
  const { bucket, versionId, size, sha256 } = await ports.objects.put(key, bytes, { metadata })
  const claim: TrainingClaim = {
    model: { user: 'ada', dataset: 'data' },
    format: 'npy',
    source: { bucket, key, versionId, size, sha256: sha256! },
    sequencer: '01',
    sidecar: null,
    trainingId: 'training',
    execution: 'execution',
  }
  return lendUpload(ports.objects, claim, async ({ source, form }) => ({
    plain: await readTrainingRows({ bytes }, form),
    read: await readTrainingRows({ source }, form),
  }))
}

function npyOf(
  table: readonly (readonly number[])[],
  fortranOrder: boolean,
  of = (values: number[]): NpyData => Float64Array.from(values),
  dtype: NpyDtype = 'float64',
): Uint8Array {
  const cols = table[0]!.length
  const values = fortranOrder
    ? Array.from({ length: cols }, (_, j) => table.map((row) => row[j]!)).flat()
    : table.flat()
  return writeNpy({ shape: [table.length, cols], dtype, fortranOrder, data: of(values) })
}

describe('readTrainingRows', () => {
  it.each([
    ['float64 rows in several blocks', npyOf(many, false), {}],
    ['float64 columns', npyOf(rows, true), {}],
    ['int16 rows', npyOf(rows, false, (values) => Int16Array.from(values), 'int16'), {}],
    ['rows of a clustering', npyOf(rows, false), { task: 'clustering' }],
    ['another share held out', npyOf(rows, false), { split: { heldOut: 0.5 } }],
    ['names', npyOf(rows, false), { featureNames: ['a', 'b', 'c'] }],
  ])('has the training rows that a reading of all leaves: %s', async (_, bytes, configuration) => {
    const { plain, read } = await bothReadings(bytes, configuration)
    expect(read.features.rows).toBeGreaterThan(100)
    expect(read).toEqual(plain)
  })

  it('knows of a value that is missing in a row held out, and of the targets of all', async () => {
    // Whether a row is held out depends on itself: each is tried as the one with a gap.
    const tell = async (gap: number) => {
      const table = rows.map((row, i) => [row[0]!, i === gap ? NaN : row[1]!, i === gap ? 0.5 : 1])
      return bothReadings(npyOf(table, false), {})
    }
    const learned = new Set<number>()
    for (const gap of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) {
      const { plain, read } = await tell(gap)
      expect(read).toEqual(plain)
      expect(read.peculiarities.missing).toBe(true)
      expect(read.task).toBe('regression')
      learned.add(read.features.data.some(Number.isNaN) ? 1 : 0)
    }
    expect(learned.size).toBe(2)
  })
})

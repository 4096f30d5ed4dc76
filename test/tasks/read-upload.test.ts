import { describe, expect, it } from 'vitest'
import { writeNpy, type NpyData, type NpyDtype } from '../../ml/data/index.ts'
import { memoryPorts, putUpload, runTask } from '../../platform/testing/index.ts'
import { withUpload } from '../../tasks/dataset.ts'
import { fitCandidate } from '../../tasks/fit-candidate.ts'
import type { LearningTask, TrainingClaim } from '../../tasks/shapes.ts'
import { validate } from '../../tasks/validate.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { pricesCsv, quantityRows } from '../fixtures/quantities.ts'

/** An upload, and its claim. */
async function claimed(bytes: Uint8Array, format: 'npy' | 'csv', configuration: object = {}) {
  const ports = memoryPorts()
  const key = `uploads/ada/data.${format}`
  const metadata = { configuration: JSON.stringify(configuration) }
  const { bucket, versionId, size, sha256 } = await ports.objects.put(key, bytes, { metadata })
  const claim: TrainingClaim = {
    model: { user: 'ada', dataset: 'data' },
    format,
    source: { bucket, key, versionId, size, sha256: sha256! },
    sequencer: '01',
    sidecar: null,
    trainingId: 'training',
    execution: 'execution',
  }
  return { ports, claim }
}

/** The model that is learned of bytes as they are, and of the upload as Train reads it. */
async function bothModels(
  bytes: Uint8Array,
  format: 'npy' | 'csv',
  task: LearningTask,
  algorithm: string,
) {
  const { ports, claim } = await claimed(bytes, format, { task, trials: 2 })
  const options = { algorithm, sha256: claim.source.sha256, lineage: {} }
  return withUpload(ports.objects, claim, async (upload) => ({
    plain: await fitCandidate.run({ bytes, form: upload.form, ...options }),
    read: await fitCandidate.run({ ...upload, ...options }),
    upload,
  }))
}

const rows = quantityRows(150, 4).map((row) => row.map((value) => Math.round(value * 8)))
const [count, cols] = [rows.length, rows[0]!.length]
const byRows = rows.flat()
const byColumns = Array.from({ length: cols }, (_, j) => rows.map((row) => row[j]!)).flat()

const types: readonly [NpyDtype, (values: number[]) => NpyData][] = [
  ['float64', (values) => Float64Array.from(values)],
  ['float32', (values) => Float32Array.from(values)],
  ['float16', (values) => Float32Array.from(values)],
  ['int16', (values) => Int16Array.from(values)],
  ['int64', (values) => BigInt64Array.from(values, BigInt)],
]

describe('an upload that is read into shared memory', () => {
  it.each(
    types.flatMap(([dtype, of]) => [true, false].map((order) => [dtype, order, of] as const)),
  )('makes the same model: %s, Fortran order %s', async (dtype, fortranOrder, of) => {
    const data = of(fortranOrder ? byColumns : byRows)
    const bytes = writeNpy({ shape: [count, cols], dtype, fortranOrder, data })
    const { plain, read, upload } = await bothModels(bytes, 'npy', 'regression', 'ridge')
    expect(read).toEqual(plain)
    expect(plain.outcome).toBe('trained')
    expect(upload.values!.data.buffer).toBeInstanceOf(SharedArrayBuffer)
  })

  it.each<[string, LearningTask]>([
    ['gradient-boosting', 'regression'],
    ['logistic-regression', 'classification'],
    ['k-means', 'clustering'],
    ['svc', 'classification'],
    ['random-forest', 'classification'],
  ])('makes the same model: %s', async (algorithm, task) => {
    const { plain, read } = await bothModels(irisNpy(), 'npy', task, algorithm)
    expect(read).toEqual(plain)
    expect(plain.outcome).toBe('trained')
  })

  it('makes the same model of a CSV with text and missing values', async () => {
    const { plain, read } = await bothModels(pricesCsv(300, 1), 'csv', 'regression', 'ridge')
    expect(read).toEqual(plain)
    expect(plain.outcome).toBe('trained')
  })

  it('is what was claimed, whatever came under its key since', async () => {
    const { ports, claim } = await claimed(irisNpy(), 'npy')
    await putUpload(ports.objects, claim.source.key, new Uint8Array(10))
    const values = await withUpload(ports.objects, claim, async (upload) => upload.values)
    expect([values!.rows, values!.cols]).toEqual([150, 5])
    expect([...values!.data.subarray(0, 5)]).toEqual([5.1, 3.5, 1.4, 0.2, 0])
  })

  it.each([
    ['is cut short', irisNpy().subarray(0, 500), 'NpyInvalid'],
    ['is no .npy', new TextEncoder().encode('a,b\n1,2\n'), 'NpyInvalid'],
    ['has three axes', writeNpy({ shape: [2, 2, 2], data: new Float64Array(8) }), 'ShapeInvalid'],
    [
      'has an integer that no double holds',
      writeNpy({ shape: [1, 2], data: BigInt64Array.of(1n, 2n ** 53n + 1n) }),
      'IntegerInexact',
    ],
  ])('is rejected with the reason when it %s', async (_, bytes, code) => {
    const { ports, claim } = await claimed(bytes, 'npy')
    expect(await runTask(validate, { claim }, ports)).toMatchObject({
      outcome: 'rejected',
      reasons: [{ code }],
    })
  })
})

import type { Ports } from '../platform/ports/index.ts'
import { rowsOf, type RowsSource } from './batch-rows.ts'
import type { BatchFormat } from './batch-shapes.ts'
import type { BlockRows } from './block-rows.ts'
import { predictBlock, sharedBytes } from './predict-block.ts'
import type { ObjectReference } from './shapes.ts'

/** What is to be known of how long the rows of a batch take. */
export interface BatchRate {
  /** Bytes of a row in the file, on average; 0 where there are none. */
  readonly rowBytes: number
  /** Undefined where the clock told nothing. */
  readonly secondsPerRow?: number
}

export interface Sampled extends RowsSource {
  /** Rows in all, where they are known. */
  readonly rows: number | undefined
  readonly columns: readonly number[]
  readonly format: BatchFormat
  readonly model: { readonly artifact: ObjectReference; readonly bytes: Uint8Array }
}

/** Bytes of the file in the samples, each larger one only where the one before was over too soon. */
const sampleBytes = [16, 64, 256, 1024, 4096].map((kibibytes) => kibibytes * 1024)

/** Less can hardly be told from what a call costs by itself. */
const leastMilliseconds = 40

/** So many bytes take some time, by a clock that goes. */
const bytesOfNoTime = 256 * 1024

/** Predicts the first rows of a file to see how long its rows take, on what predicts all of them. */
export async function measuredRate(
  { objects, compute, clock }: Pick<Ports, 'objects' | 'compute' | 'clock'>,
  sampled: Sampled,
  signal: AbortSignal,
): Promise<BatchRate> {
  const { model, columns, format } = sampled
  const bytes = sharedBytes(model.bytes)
  const predict = async (rows: BlockRows) => {
    const block = { model: { sha256: model.artifact.sha256, bytes }, rows, columns, format }
    const before = clock.now()
    const predicted = await compute.run(predictBlock, { ...block, firstRow: 0 }, { signal })
    return { rows: predicted.rows, milliseconds: clock.now() - before }
  }
  let rate: BatchRate = { rowBytes: 0 }
  let isFirst = true
  for (const length of sampleBytes) {
    const sample = await firstRows(objects, sampled, length)
    if (sample === undefined) break
    // Once before, where the model is opened and the code is new.
    if (isFirst) await predict(sample.rows)
    isFirst = false
    const { rows, milliseconds } = await predict(sample.rows)
    if (rows === 0) break
    rate = { rowBytes: sample.bytes / rows }
    if (milliseconds > 0) rate = { ...rate, secondsPerRow: milliseconds / 1000 / rows }
    if (milliseconds >= leastMilliseconds || sample.isAll) break
    if (milliseconds === 0 && length >= bytesOfNoTime) break
  }
  return rate
}

/** At most so many bytes of the first rows, a row at least; undefined where there are none. */
async function firstRows(
  objects: Ports['objects'],
  sampled: Sampled,
  length: number,
): Promise<{ rows: BlockRows; bytes: number; isAll: boolean } | undefined> {
  const { source, headerEnd, rows: count = 1 } = sampled
  const end = Math.min(headerEnd + length, source.size)
  if (count === 0 || end === headerEnd) return undefined
  const range = { from: 0, to: count, start: headerEnd, end }
  for await (const rows of rowsOf(objects, sampled, range, length)) {
    const isNpy = rows.format === 'npy'
    const bytes = isNpy
      ? Math.round((source.size - headerEnd) / count) * rows.matrix.rows
      : rows.bytes.length - headerEnd
    const isAll = isNpy ? rows.matrix.rows === count : end === source.size
    return { rows, bytes, isAll }
  }
  return undefined
}

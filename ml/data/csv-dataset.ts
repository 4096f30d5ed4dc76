import { FirstLineEnd, type CsvLineEnd } from './csv-line-end.ts'
import { CsvReader } from './csv-table.ts'
import { CsvValues, type Labels } from './csv-values.ts'
import { checkColumns, targetIndex, type Dataset, type DatasetOptions } from './dataset.ts'
import { DataError } from './errors.ts'
import type { RangeSource } from './npy-rows.ts'

/** A table as rows to learn from, and what it was like. */
export interface CsvDataset {
  /** Text is numbered categories. */
  readonly dataset: Dataset
  /** In the order of the file. */
  readonly columns: readonly { readonly name: string; readonly kind: 'number' | 'text' }[]
  readonly lineEnd: CsvLineEnd
}

/**
 * The dataset that `datasetFromCsv` makes of a table, text being categories, read a block of bytes at a
 * time: beside its values no more than a few blocks is held, and each distinct text once. A table in one
 * of whose columns text comes after numbers is read again up to there.
 *
 * @param source gives the same bytes whenever it is asked
 * @param blockBytes what is read at once
 * @throws DataError as `parseCsv` and `datasetFromCsv` do; CsvInvalid also where the source is cut short
 */
export async function readCsvDataset(
  source: RangeSource & { readonly size: number },
  blockBytes: number,
  options: Pick<DatasetOptions, 'target'> = {},
): Promise<CsvDataset> {
  const lineEnd = new FirstLineEnd()
  let values: CsvValues | undefined
  const reader = new CsvReader((cells, row) => {
    values ??= new CsvValues(cells.length, source.size)
    values.add(cells, row)
  })
  for await (const bytes of blocksOf(source, blockBytes)) {
    lineEnd.push(bytes)
    reader.push(bytes)
  }
  const names = reader.end()
  values ??= new CsvValues(names.length, 0)
  if (values.error !== undefined) throw values.error
  const hasTarget = options.target !== null
  checkColumns(names.length, hasTarget)
  const target = hasTarget ? targetIndex(names, options.target ?? undefined) : -1
  await repeatFirstRows(source, blockBytes, values)
  const labels = values.labels()
  return {
    dataset: drained(values, reader.rows, names, labels, target),
    columns: names.map((name, j) => ({ name, kind: labels[j] === null ? 'number' : 'text' })),
    lineEnd: lineEnd.found,
  }
}

async function* blocksOf(
  source: RangeSource & { readonly size: number },
  blockBytes: number,
): AsyncIterable<Uint8Array> {
  for (let start = 0; start < source.size; start += blockBytes) {
    const length = Math.min(blockBytes, source.size - start)
    const bytes = await source.read(start, start + length)
    if (bytes.length !== length) {
      throw new DataError(
        'CsvInvalid',
        `The source gave ${bytes.length} of ${length} bytes from byte ${start} on; it was cut short.`,
        { offset: start + bytes.length, found: `${bytes.length} bytes` },
      )
    }
    yield bytes
  }
}

/** Reads as far as there are texts that were taken for numbers. */
async function repeatFirstRows(
  source: RangeSource & { readonly size: number },
  blockBytes: number,
  values: CsvValues,
): Promise<void> {
  const rows = values.rowsToRepeat
  if (rows === 0) return
  const reader = new CsvReader((cells, row) => {
    if (row < rows) values.repeat(cells, row)
  })
  for await (const bytes of blocksOf(source, blockBytes)) {
    reader.push(bytes)
    if (reader.rows >= rows) return
  }
  reader.end()
}

/** @param target the index of the target, -1 for none */
function drained(
  values: CsvValues,
  rows: number,
  names: readonly string[],
  labels: readonly Labels[],
  target: number,
): Dataset {
  const isFeature = (_: unknown, j: number) => j !== target
  const width = names.length
  const cols = target < 0 ? width : width - 1
  const data = new Float64Array(rows * cols)
  const targetValues = new Float64Array(rows)
  values.drain(labels, rows, (chunk, first) => {
    let to = first * cols
    for (let at = 0, row = first; at < chunk.length; at += width, row++) {
      for (let j = 0; j < width; j++) {
        if (j === target) targetValues[row] = chunk[at + j]!
        else data[to++] = chunk[at + j]!
      }
    }
  })
  const featureNames = names.filter(isFeature)
  const categories = labels.filter(isFeature)
  const classLabels = labels[target] ?? null
  return {
    features: { data, rows, cols },
    target: targetValues,
    ...(classLabels === null ? {} : { classLabels }),
    featureNames,
    targetName: names[target] ?? null,
    textFeatures: featureNames.filter((_, j) => categories[j] !== null),
    ...(categories.some((texts) => texts !== null) ? { categories } : {}),
  }
}

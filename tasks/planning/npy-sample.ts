import {
  datasetFromNpy,
  npyHeaderOf,
  npyToMatrix,
  parseNpy,
  readNpyHeader,
  readNpyRows,
  type NpyHeader,
  type RangeSource,
} from '../../ml/data/index.ts'

/** What was looked at of a file. */
export interface Sample {
  /** In the file, not in the sample. */
  readonly rows: number
  /** Columns that are learned from. */
  readonly cols: number
  /** Columns once each category that was seen has one of its own. */
  readonly encodedCols: number
  /** Of the rows that were looked at. */
  readonly target: Float64Array
  /** Of a text target: the labels that were seen. */
  readonly classLabels?: readonly string[]
}

/** Blocks of rows that are looked at, since rows that are sorted by class have others farther down. */
const blockCount = 16

/**
 * The shape of a `.npy` by its header, and the targets of rows all over it.
 *
 * @param sampleBytes what is read of its values, at most; a single row more
 * @throws DataError
 */
export async function sampleNpy(
  source: RangeSource & { readonly size: number },
  isClustering: boolean,
  sampleBytes: number,
): Promise<Sample> {
  const header = await readNpyHeader(source)
  const { shape, dtype, fortranOrder } = header
  // The reader's own words for a shape that is none of a dataset.
  const nothing = { shape: shape.map(() => 0), dtype, fortranOrder, data: new Float64Array(0) }
  npyToMatrix(nothing)
  const [rows, width] = [shape[0]!, shape[1]!]
  datasetFromNpy({ ...nothing, shape: [0, width] }, isClustering ? { target: null } : {})
  const cols = isClustering ? width : width - 1
  if (isClustering) return { rows, cols, encodedCols: cols, target: new Float64Array(0) }
  const blocks = blocksOf(rows, Math.floor(sampleBytes / (width * header.itemSize)))
  const targets = await Promise.all(blocks.map(([from, to]) => targetsOf(source, header, from, to)))
  const target = Float64Array.from(targets.flatMap((some) => [...some]))
  return { rows, cols, encodedCols: cols, target }
}

/** All rows where so many may be read, else blocks of them, the first and the last among them. */
function blocksOf(rows: number, most: number): [from: number, to: number][] {
  if (rows <= most) return [[0, rows]]
  const count = Math.max(1, Math.min(most, blockCount))
  const length = Math.max(1, Math.floor(most / count))
  return Array.from({ length: count }, (_, k) => {
    const from = Math.floor(((rows - length) * k) / Math.max(1, count - 1))
    return [from, from + length]
  })
}

/** The last values of some rows, wherever the order of the file has them. */
async function targetsOf(
  source: RangeSource,
  header: NpyHeader,
  from: number,
  to: number,
): Promise<Float64Array> {
  const { shape, dtype, itemSize, dataOffset, fortranOrder, littleEndian } = header
  if (!fortranOrder) return datasetFromNpy(await readNpyRows(source, from, to)).target
  const start = dataOffset + ((shape[1]! - 1) * shape[0]! + from) * itemSize
  const values = Buffer.from(await source.read(start, start + (to - from) * itemSize))
  if (!littleEndian) swapBytes(values, itemSize)
  const column = Buffer.concat([npyHeaderOf([to - from, 1], dtype, false), values])
  return npyToMatrix(parseNpy(column)).data
}

function swapBytes(values: Buffer, itemSize: number): void {
  if (itemSize === 2) values.swap16()
  if (itemSize === 4) values.swap32()
  if (itemSize === 8) values.swap64()
}

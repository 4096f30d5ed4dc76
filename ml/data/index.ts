export { correlations } from './correlation.ts'
export { type CsvColumn, type CsvTable, parseCsv } from './csv.ts'
export { csvNumber, missingCells } from './csv-cells.ts'
export { type CsvDataset, readCsvDataset } from './csv-dataset.ts'
export { csvLineEnd, type CsvLineEnd } from './csv-line-end.ts'
export { CsvRecords } from './csv-records.ts'
export { csvLimits } from './csv-text.ts'
export { type CsvCell, csvRecord } from './csv-write.ts'
export {
  type Dataset,
  datasetFromCsv,
  datasetFromMatrix,
  datasetFromNpy,
  type DatasetOptions,
  taskOf,
  type TaskType,
} from './dataset.ts'
export {
  DataError,
  type DataErrorDetails,
  type DataErrorName,
  dataErrors,
  isDataError,
} from './errors.ts'
export { histogram, type ValueHistogram } from './histogram.ts'
export * from './matrix.ts'
export { parseNpy, readNpy } from './npy.ts'
export {
  type NpyHeader,
  npyHeaderBytes,
  type NpyHeaderIncomplete,
  parseNpyHeader,
} from './npy-header.ts'
export { npyToMatrix } from './npy-matrix.ts'
export { npyBlocks, readNpyMatrix } from './npy-blocks.ts'
export { type RangeSource, readNpyHeader, readNpyRows } from './npy-rows.ts'
export type { NpyArray, NpyData, NpyDtype } from './npy-types.ts'
export { npyHeaderOf, type NpyInput, writeNpy } from './npy-write.ts'
export * from './random.ts'
export { RowHasher, type RowHash } from './row-hash.ts'
export {
  encodeSafetensors,
  parseSafetensors,
  type Safetensors,
  type Tensor,
  type TensorType,
} from './safetensors.ts'
export {
  type EqualRows,
  equalRows,
  foldsByRow,
  type Split,
  splitByRow,
  stratifiedFolds,
} from './split.ts'
export {
  type ColumnSummary,
  duplicateRows,
  type Duplicates,
  summarize,
  summarizeColumn,
} from './summary.ts'

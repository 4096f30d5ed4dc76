import { parseCsv, summarizeColumn, type ColumnSummary, type CsvColumn } from '../ml/data/index.ts'
import { defineJob } from '../platform/ports/index.ts'

/** Describes each column of a table; of text what is there and how many different ones. */
export const summarizeDataset = defineJob(
  import.meta.url,
  'summarizeDataset',
  ({ bytes }: { bytes: Uint8Array }): ColumnSummary[] => parseCsv(bytes).columns.map(summaryOf),
)

function summaryOf(column: CsvColumn): ColumnSummary {
  if (column.kind === 'number') return summarizeColumn(column.values, column.name)
  const labels = new Map<string, number>()
  const numbered = Float64Array.from(column.values, (text) => {
    if (text === '') return NaN
    const number = labels.get(text) ?? labels.size
    labels.set(text, number)
    return number
  })
  return ofText(summarizeColumn(numbered, column.name))
}

/** Categories have numbers, which have no meaning as quantities. */
export function ofText(summary: ColumnSummary): ColumnSummary {
  return {
    ...summary,
    min: null,
    max: null,
    mean: null,
    standardDeviation: null,
    quantiles: { q05: null, q25: null, q50: null, q75: null, q95: null },
  }
}

import {
  correlations,
  duplicateRows,
  histogram,
  summarizeColumn,
  type ColumnSummary,
  type Dataset,
  type Duplicates,
  type Split,
  type ValueHistogram,
} from '../../ml/data/index.ts'
import { classLabel } from '../dataset.ts'
import type { LearningTask } from '../shapes.ts'
import { ofText } from '../summarize-dataset.ts'

/** Columns that a report describes one by one: the target and the first. */
export const maxColumns = 50

/** Columns whose correlations are told. */
export const maxCorrelated = 30

/** Classes that are told one by one: those of the most rows. */
export const maxClasses = 20

/** Categories of a feature that are told one by one. */
const maxCategories = 10

const histogramBins = 20

export interface DescribedColumn {
  readonly role: 'feature' | 'target'
  readonly type: 'number' | 'text'
  readonly summary: ColumnSummary
  /** Null of text. */
  readonly histogram: ValueHistogram | null
  /** The commonest ones of text; null of numbers. */
  readonly categories: readonly LabelCount[] | null
}

export interface LabelCount {
  readonly label: string
  readonly rows: number
}

export interface ClassCount extends LabelCount {
  readonly learned: number
  readonly heldOut: number
}

/** A dataset in numbers. */
export interface DatasetSummary {
  readonly task: LearningTask
  readonly rows: number
  readonly features: number
  readonly learned: number
  readonly heldOut: number
  readonly duplicates: Duplicates
  /** Of all features. */
  readonly missingCells: number
  readonly columns: readonly DescribedColumn[]
  /** Features with missing values, those with the most first; at most `maxColumns`. */
  readonly missing: readonly { readonly name: string; readonly rows: number }[]
  readonly featuresWithMissing: number
  readonly correlations: {
    readonly names: readonly string[]
    readonly values: readonly (readonly (number | null)[])[]
  }
  /** Of a classification, those of the most rows first. */
  readonly classes: readonly ClassCount[]
  readonly classesInAll: number
}

export function summarizeForReport(
  dataset: Dataset,
  task: LearningTask,
  split: Split,
): DatasetSummary {
  const { features, target, featureNames, targetName } = dataset
  const isQuantity = targetName !== null && dataset.classLabels === undefined
  const shown = Array.from({ length: Math.min(features.cols, maxColumns) }, (_, j) => j)
  const valuesOf = new Map(shown.map((j) => [j, columnOf(dataset, j)]))
  const correlated = shown
    .filter((j) => !isText(dataset, j))
    .slice(0, isQuantity ? maxCorrelated - 1 : maxCorrelated)
  const missing = missingOf(dataset)
  const classes = task === 'classification' ? classCounts(dataset, split) : []
  return {
    task,
    rows: features.rows,
    features: features.cols,
    learned: split.train.length,
    heldOut: split.heldOut.length,
    duplicates: duplicateRows(features),
    missingCells: missing.reduce((sum, { rows }) => sum + rows, 0),
    columns: [
      ...(targetName === null
        ? []
        : [described('target', targetName, target, dataset.classLabels ?? null)]),
      ...shown.map((j) =>
        described('feature', featureNames[j]!, valuesOf.get(j)!, dataset.categories?.[j] ?? null),
      ),
    ],
    missing: missing.slice(0, maxColumns),
    featuresWithMissing: missing.length,
    correlations: {
      names: [...correlated.map((j) => featureNames[j]!), ...(isQuantity ? [targetName] : [])],
      values: correlations([
        ...correlated.map((j) => valuesOf.get(j)!),
        ...(isQuantity ? [target] : []),
      ]),
    },
    classes: classes.slice(0, maxClasses),
    classesInAll: classes.length,
  }
}

function described(
  role: DescribedColumn['role'],
  name: string,
  values: Float64Array,
  labels: readonly string[] | null,
): DescribedColumn {
  const summary = summarizeColumn(values, name)
  if (labels === null) {
    const shown = histogram(values, histogramBins)
    return { role, type: 'number', summary, histogram: shown, categories: null }
  }
  const categories = mostFirst(countsOf(values, labels.length)).slice(0, maxCategories)
  return {
    role,
    type: 'text',
    summary: ofText(summary),
    histogram: null,
    categories: categories.map(([index, rows]) => ({ label: labels[index]!, rows })),
  }
}

function classCounts(dataset: Dataset, { train, heldOut }: Split): ClassCount[] {
  const counts = new Map<number, { learned: number; heldOut: number }>()
  const count = (rows: Int32Array, side: 'learned' | 'heldOut') => {
    for (const row of rows) {
      const value = dataset.target[row]!
      const found = counts.get(value) ?? { learned: 0, heldOut: 0 }
      found[side]++
      counts.set(value, found)
    }
  }
  count(train, 'learned')
  count(heldOut, 'heldOut')
  return [...counts]
    .map(([value, sides]) => ({
      label: classLabel(dataset, value),
      rows: sides.learned + sides.heldOut,
      ...sides,
    }))
    .sort((a, b) => b.rows - a.rows)
}

function missingOf({ features: { data, rows, cols }, featureNames }: Dataset) {
  const counts = new Float64Array(cols)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) if (Number.isNaN(data[i * cols + j])) counts[j]!++
  }
  return mostFirst(counts).map(([j, count]) => ({ name: featureNames[j]!, rows: count }))
}

function countsOf(values: Float64Array, labels: number): Float64Array {
  const counts = new Float64Array(labels)
  for (const value of values) if (value >= 0) counts[value]!++
  return counts
}

/** Places with what is counted there, where it is not 0. */
function mostFirst(counts: Float64Array): [number, number][] {
  return Array.from(counts, (count, place): [number, number] => [place, count])
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
}

function columnOf({ features: { data, rows, cols } }: Dataset, j: number): Float64Array {
  const values = new Float64Array(rows)
  for (let i = 0; i < rows; i++) values[i] = data[i * cols + j]!
  return values
}

function isText({ categories }: Dataset, j: number): boolean {
  return (categories?.[j] ?? null) !== null
}

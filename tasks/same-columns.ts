import type { Dataset, Matrix } from '../ml/data/index.ts'
import { clipped } from './clipped.ts'
import type { LoadedModel } from './model-artifact.ts'

/** Characters of a label or a name in what is told of a comparison. */
const maxLabel = 64

/** How a dataset's columns differ from those that a champion reads, or nothing when they do not. */
export function columnsDiffer(model: LoadedModel, dataset: Dataset): string | null {
  const { featureNames, categories = [] } = dataset
  if (JSON.stringify(model.featureNames) !== JSON.stringify(featureNames)) {
    return `the champion reads ${listed(model.featureNames)}, this version ${listed(featureNames)}`
  }
  const other = featureNames.findIndex(
    (_, j) => (model.categories[j] === null) !== ((categories[j] ?? null) === null),
  )
  if (other >= 0) {
    const [was, is] = categories[other] ? ['a number', 'text'] : ['text', 'a number']
    return `feature "${clipped(featureNames[other]!, maxLabel)}" was ${was} and is ${is}`
  }
  return null
}

/** The dataset's features with each category numbered as the model knows it; a new one is -1. */
export function featuresFor(model: LoadedModel, { features, categories }: Dataset): Matrix {
  if (categories === undefined) return features
  const data = features.data.slice()
  categories.forEach((labels, j) => {
    const known = model.categories[j]
    if (!labels || !known) return
    const numbers = labels.map((label) => known.indexOf(label))
    for (let at = j; at < data.length; at += features.cols) data[at] = numbers[data[at]!] ?? NaN
  })
  return { ...features, data }
}

/** The first of a list, for people. */
export function listed(values: readonly unknown[]): string {
  const shown = values
    .slice(0, 8)
    .map((value) => clipped(String(value), maxLabel))
    .join(', ')
  return values.length > 8 ? `${shown}, … (${values.length})` : shown
}

import { MillraceError } from '../platform/ports/index.ts'
import type { Cell, LoadedModel } from '../tasks/model-artifact.ts'
import { maxCellText } from '../tasks/prediction-records.ts'
import type { ServedModel } from './model-cache.ts'
import type { FieldFault } from './problem.ts'
import { maxFaults, requestInvalid } from './requests.ts'

export interface ReadRows {
  /** Of the model's width, in the order of its features. */
  readonly rows: Cell[][]
  /** What was missing, of which rows; undefined where nothing was. */
  readonly imputed: { row: number; features: string[] }[] | undefined
}

/**
 * Rows as a request has them, as arrays or as objects of named features, in the order of the model's
 * features. A missing value is null, where the model takes missing values, and is told: one that is
 * said to be missing (`null`) always, a feature that an object leaves out where `impute` allows it.
 *
 * Throws RequestInvalid for what is no row of values, InstancesInvalid for rows that do not fit the
 * model; both name the fields.
 */
export function readRows(
  served: ServedModel,
  instances: readonly unknown[],
  { impute, fieldOf }: { impute: boolean; fieldOf: (row: number) => string },
): ReadRows {
  const { featureNames } = served.model
  const faults: Fault[] = []
  const rows: Cell[][] = []
  const imputed: { row: number; features: string[] }[] = []
  for (let i = 0; i < instances.length && faults.length < maxFaults; i++) {
    const instance = instances[i]
    const row = Array.isArray(instance)
      ? arrayRow(served, instance, fieldOf(i), faults)
      : namedRow(served, instance, { impute, field: fieldOf(i) }, faults)
    rows.push(row)
    if (row.includes(null)) {
      imputed.push({ row: i, features: featureNames.filter((_, j) => row[j] === null) })
    }
  }
  if (faults.length > 0) throw refusal(faults.slice(0, maxFaults))
  return { rows, imputed: imputed.length > 0 ? imputed : undefined }
}

interface Fault extends FieldFault {
  /** Whether it is the model that the row does not fit. */
  readonly isMisfit: boolean
}

function arrayRow(
  { name, version, model }: ServedModel,
  values: readonly unknown[],
  field: string,
  faults: Fault[],
): Cell[] {
  const width = model.featureNames.length
  if (values.length !== width) {
    const message = `${name} version ${version} takes ${width} features, got ${values.length}`
    faults.push({ field, message, isMisfit: true })
    return []
  }
  for (let j = 0; j < width; j++) {
    const message = cellFault(model, j, values[j])
    if (message !== undefined) faults.push({ field: `${field}.${j}`, message, isMisfit: false })
  }
  return values as Cell[]
}

function namedRow(
  { model }: ServedModel,
  instance: unknown,
  { impute, field }: { impute: boolean; field: string },
  faults: Fault[],
): Cell[] {
  if (typeof instance !== 'object' || instance === null) {
    const message = 'a row is an array of values, or an object of features by their names'
    faults.push({ field, message, isMisfit: false })
    return []
  }
  const { featureNames } = model
  const indexes = indexesOf(model)
  const row: Cell[] = new Array<Cell>(featureNames.length).fill(null)
  const given = Object.entries(instance)
  const isGiven = new Uint8Array(featureNames.length)
  for (const [name, value] of given) {
    const j = indexes.get(name)
    const message = j === undefined ? unknownFeature(model) : cellFault(model, j, value)
    if (j !== undefined) {
      row[j] = value as Cell
      isGiven[j] = 1
    }
    if (message !== undefined) {
      faults.push({ field: `${field}.${shown(name)}`, message, isMisfit: j === undefined })
    }
    if (faults.length >= maxFaults) return row
  }
  const mayBeLeftOut = impute && model.pipeline.acceptsMissing === true
  if (mayBeLeftOut || isGiven.every(Boolean)) return row
  const message = impute
    ? 'this feature is missing, and the model takes no missing values'
    : 'this feature is missing: give it, or allow it to be imputed by impute=true'
  featureNames.forEach((name, j) => {
    if (isGiven[j] === 1 || faults.length >= maxFaults) return
    faults.push({ field: `${field}.${shown(name)}`, message, isMisfit: true })
  })
  return row
}

/** What is wrong with the value of a feature, if anything. */
function cellFault(model: LoadedModel, j: number, value: unknown): string | undefined {
  // What JSON has beyond a double's range, as 1e400, is read as infinite.
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : `${feature(model, j)} is beyond a double's range`
  }
  if (value === null) {
    if (model.pipeline.acceptsMissing === true) return undefined
    return `${feature(model, j)} takes a ${takenBy(model, j)}, got nothing`
  }
  if (typeof value !== 'string') {
    const found = Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
    return `${feature(model, j)} takes a ${takenBy(model, j)}, got ${found}`
  }
  if (model.categories[j] === null) return `${feature(model, j)} takes a number, got text`
  if (value.length > maxCellText) {
    return `${feature(model, j)} has at most ${maxCellText} characters, got ${value.length}`
  }
  return value.isWellFormed() ? undefined : `${feature(model, j)} has a lone surrogate`
}

function feature({ featureNames }: LoadedModel, j: number): string {
  return `feature "${shown(featureNames[j]!)}"`
}

function takenBy({ categories }: LoadedModel, j: number): string {
  return categories[j] === null ? 'number' : 'category'
}

function unknownFeature({ featureNames }: LoadedModel): string {
  const names = featureNames.slice(0, 10).map((name) => `"${shown(name)}"`)
  const more = featureNames.length > names.length ? `, … (${featureNames.length} in all)` : ''
  return `the model has no such feature; it has ${names.join(', ')}${more}`
}

function shown(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}…` : name
}

function refusal(faults: readonly Fault[]): MillraceError {
  const errors = faults.map(({ field, message }) => ({ field, message }))
  if (!faults[0]!.isMisfit) return requestInvalid(errors)
  const first = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
  return new MillraceError('InstancesInvalid', first, { details: { errors } })
}

const indexesOfModels = new WeakMap<LoadedModel, ReadonlyMap<string, number>>()

/** Where each feature stands: a map, since one may be called __proto__. */
function indexesOf(model: LoadedModel): ReadonlyMap<string, number> {
  const present = indexesOfModels.get(model)
  if (present !== undefined) return present
  const indexes = new Map(model.featureNames.map((name, j) => [name, j]))
  indexesOfModels.set(model, indexes)
  return indexes
}

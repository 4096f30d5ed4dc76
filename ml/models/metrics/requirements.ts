import { ModelError } from '../errors.ts'

/** Throws ShapeMismatch unless there are as many `others` as targets, DatasetEmpty for none. */
export function requirePairs(yTrue: ArrayLike<number>, others: number, what: string): void {
  if (yTrue.length !== others) {
    throw new ModelError(
      'ShapeMismatch',
      `${yTrue.length} targets need as many ${what}, got ${others}`,
    )
  }
  if (yTrue.length === 0) throw new ModelError('DatasetEmpty', 'there is no row to measure')
}

/** Throws ValueNotFinite. */
export function requireFinite(values: ArrayLike<number>, what: string): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new ModelError('ValueNotFinite', `${what} ${i} is ${values[i]}`)
    }
  }
}

/** The place of each class. */
export function classIndex(classes: ArrayLike<number>): Map<number, number> {
  return new Map(Array.from(classes, (value, index) => [value, index]))
}

/** The place of a row's class. Throws ShapeMismatch when it is none. */
export function requireClass(indexOf: Map<number, number>, value: number, row: number): number {
  const index = indexOf.get(value)
  if (index === undefined) {
    const known = [...indexOf.keys()].slice(0, 10).join(', ')
    throw new ModelError('ShapeMismatch', `row ${row} has ${value}, none of the classes ${known}`)
  }
  return index
}

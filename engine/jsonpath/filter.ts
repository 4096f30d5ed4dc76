import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../data.ts'
import { type Evaluation, NoResult } from './evaluation.ts'
import type { Condition, FilterPath, Operand, Operator } from './path.ts'

/** Whether a filter takes `item`. */
export function holds(condition: Condition, item: Json, evaluation: Evaluation): boolean {
  evaluation.count()
  switch (condition.kind) {
    case 'or':
      return condition.conditions.some((each) => holds(each, item, evaluation))
    case 'and':
      return condition.conditions.every((each) => holds(each, item, evaluation))
    case 'not':
      return !holds(condition.condition, item, evaluation)
    case 'exists':
      return valueOf(condition.path, item, evaluation) !== missing
    case 'comparison': {
      const { left, operator, right } = condition
      if (operator === '=~') return matches(left, right, item, evaluation)
      const values = [left, right].map((operand) => operandValue(operand, item, evaluation))
      return compare[operator](values[0], values[1])
    }
  }
}

/** What a path of a filter answers when it leads nowhere: equal to nothing but itself. */
const missing = Symbol('missing')

export function operandValue(operand: Operand, item: Json, evaluation: Evaluation): unknown {
  if (operand.kind === 'path') return valueOf(operand, item, evaluation)
  return operand.kind === 'value' ? operand.value : missing
}

function valueOf({ root, path }: FilterPath, item: Json, evaluation: Evaluation): unknown {
  try {
    return evaluation.from(path, root === '@' ? item : evaluation.root)
  } catch (error) {
    if (error instanceof NoResult) return missing
    throw error
  }
}

const compare: Record<Exclude<Operator, '=~'>, (left: unknown, right: unknown) => boolean> = {
  '==': equal,
  '!=': (left, right) => !equal(left, right),
  '<': (left, right) => order(left, right, (sign) => sign < 0),
  '<=': (left, right) => order(left, right, (sign) => sign <= 0),
  '>': (left, right) => order(left, right, (sign) => sign > 0),
  '>=': (left, right) => order(left, right, (sign) => sign >= 0),
  in: (left, right) => list(right).some((each) => equal(left, each)),
  nin: (left, right) => !list(right).some((each) => equal(left, each)),
  subsetof: (left, right) => list(left).every((each) => list(right).some((r) => equal(each, r))),
  anyof: (left, right) => list(left).some((each) => list(right).some((r) => equal(each, r))),
  noneof: (left, right) => !list(left).some((each) => list(right).some((r) => equal(each, r))),
  contains: (left, right) =>
    typeof left === 'string'
      ? typeof right === 'string' && left.includes(right)
      : list(left).some((each) => equal(each, right)),
  size: (left, right) => sizeOf(left) === right,
  empty: (left, right) => (sizeOf(left) === 0) === right,
}

/** A number also equals the text of it. */
function equal(left: unknown, right: unknown): boolean {
  if (typeof left === 'number' && typeof right === 'string') return left === numberOf(right)
  if (typeof left === 'string' && typeof right === 'number') return left === String(right)
  return isDeepStrictEqual(left, right)
}

function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

function order(left: unknown, right: unknown, accepts: (sign: number) => boolean): boolean {
  if (typeof left === 'number' && typeof right === 'number') return accepts(left - right)
  if (typeof left !== 'string' || typeof right !== 'string') return false
  return accepts(left < right ? -1 : left > right ? 1 : 0)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function sizeOf(value: unknown): number | undefined {
  return Array.isArray(value) || typeof value === 'string' ? value.length : undefined
}

/** Whether the whole text matches the pattern, on whichever side that is. */
function matches(left: Operand, right: Operand, item: Json, evaluation: Evaluation): boolean {
  const [pattern, other] = left.kind === 'pattern' ? [left, right] : [right, left]
  if (pattern.kind !== 'pattern') return false
  const text = operandValue(other, item, evaluation)
  return typeof text === 'string' && evaluation.matches(pattern, text)
}

import { isObject, type Json } from '../data.ts'
import { operandValue } from './filter.ts'
import { type Evaluation, NoResult } from './evaluation.ts'
import type { Token } from './path.ts'

type Call = Extract<Token, { readonly kind: 'function' }>

/**
 * A function at the end of a path, as in `$.items.length()`. The service's JSON library answers these;
 * with the aggregations (`sum()`, …) of the dialect, a path there leads nowhere.
 *
 * @throws NoResult where the function has no answer
 */
export function applyFunction(call: Call, value: Json, evaluation: Evaluation): Json {
  const operands = call.operands.map((operand) => operandValue(operand, value, evaluation))
  const { name } = call
  switch (name) {
    case 'length':
    case 'size':
      return lengthOf(value, name)
    case 'keys':
      return isObject(value) ? Object.keys(value) : noAnswer(name)
    case 'first':
      return itemsOf(value, name)[0] ?? noAnswer(name)
    case 'last':
      return itemsOf(value, name).at(-1) ?? noAnswer(name)
    case 'index':
      return itemsOf(value, name).at(Number(operands[0])) ?? noAnswer(name)
    default:
      return noAnswer(name)
  }
}

function lengthOf(value: Json, name: string): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length
  return isObject(value) ? Object.keys(value).length : noAnswer(name)
}

function itemsOf(value: Json, name: string): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : noAnswer(name)
}

function noAnswer(name: string): never {
  throw new NoResult(`The function ${name}() has no answer for the value it is applied to`)
}

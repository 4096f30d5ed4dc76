import { Data, isString, type Json } from '../data.ts'
import type { Fields } from '../definition/fields.ts'
import { errorNames } from '../errors.ts'
import { EvaluationError, type Reading, type Template } from '../template.ts'
import { timeOf } from '../timestamp.ts'
import type { PathTemplate } from './template.ts'

/** What a Choice Rule of JSONPath says, without where it leads: a template that answers a boolean. */
export class ChoiceRule implements Template {
  readonly field = 'Choices'
  readonly constant = undefined
  readonly source = undefined
  readonly #rule: Rule

  constructor(rule: Rule) {
    this.#rule = rule
  }

  evaluate(reading: Reading): Data {
    return holds(this.#rule, reading) ? yes : no
  }

  mismatch(): EvaluationError {
    return new EvaluationError(errorNames.runtime, 'A choice rule answers a boolean')
  }
}

const yes = new Data(true)
const no = new Data(false)

type Rule =
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule }
  | {
      readonly kind: 'is'
      readonly variable: PathTemplate
      readonly test: Test
      readonly expected: boolean
    }
  | { readonly kind: 'present'; readonly variable: PathTemplate; readonly expected: boolean }
  | {
      readonly kind: 'comparison'
      readonly variable: PathTemplate
      readonly compare: Compare
      /** A constant, or the path of a comparison that ends in `Path`. */
      readonly operand: Json | PathTemplate
    }

type Test = (value: Json) => boolean
type Compare = (value: Json, operand: Json) => boolean

/** Reads And, Or, Not or a comparison of `fields`, and reports what is wrong with it. */
export function readChoiceRule(fields: Fields): ChoiceRule | undefined {
  const rule = readRule(fields)
  return rule && new ChoiceRule(rule)
}

function readRule(fields: Fields): Rule | undefined {
  const operators = fields.names().filter((name) => isOperator(name))
  const [operator] = operators
  if (operator === undefined || operators.length > 1) {
    fields.fault(
      operator === undefined
        ? 'A choice rule must have a comparison, And, Or or Not'
        : `Only one of these fields is allowed: [${operators.join(', ')}]`,
    )
    for (const each of [...operators, 'Variable']) fields.raw(each)
    return undefined
  }
  switch (operator) {
    case 'And':
    case 'Or': {
      const kind = operator === 'And' ? 'and' : 'or'
      return { kind, rules: fields.objects(operator, 1).flatMap((below) => readNested(below)) }
    }
    case 'Not': {
      const [rule] = readNested(fields.object('Not')!)
      return rule && { kind: 'not', rule }
    }
    default:
      return readComparison(fields, operator)
  }
}

/** A rule within another has no Next, and nothing else of its own. */
function readNested(fields: Fields): Rule[] {
  const rule = readRule(fields)
  fields.string('Comment')
  fields.close()
  return rule === undefined ? [] : [rule]
}

function readComparison(fields: Fields, operator: string): Rule | undefined {
  fields.required('Variable')
  const variable = fields.path('Variable', 'reference')
  const raw = fields.raw(operator)!
  const test = tests[operator]
  if (test !== undefined || operator === 'IsPresent') {
    if (typeof raw !== 'boolean') {
      fields.fault('Expected value of type [BOOLEAN]', operator)
      return undefined
    }
    if (variable === undefined) return undefined
    return test === undefined
      ? { kind: 'present', variable, expected: raw }
      : { kind: 'is', variable, test, expected: raw }
  }
  const isPath = operator.endsWith('Path')
  const { isOperand, expected, compare } = comparisons[isPath ? operator.slice(0, -4) : operator]!
  if (isPath) {
    const operand = fields.path(operator, 'reference')
    return variable && operand && { kind: 'comparison', variable, compare, operand }
  }
  if (!isOperand(raw)) fields.fault(expected, operator)
  return variable && { kind: 'comparison', variable, compare, operand: raw }
}

function isOperator(name: string): boolean {
  if (['And', 'Or', 'Not', 'IsPresent'].includes(name)) return true
  if (Object.hasOwn(tests, name) || Object.hasOwn(comparisons, name)) return true
  return name !== 'StringMatchesPath' && name.endsWith('Path') && isComparison(name.slice(0, -4))
}

function isComparison(name: string): boolean {
  return Object.hasOwn(comparisons, name)
}

function holds(rule: Rule, reading: Reading): boolean {
  switch (rule.kind) {
    case 'and':
      return rule.rules.every((each) => holds(each, reading))
    case 'or':
      return rule.rules.some((each) => holds(each, reading))
    case 'not':
      return !holds(rule.rule, reading)
    case 'present':
      return (rule.variable.find(reading) !== undefined) === rule.expected
    case 'is':
      return rule.test(valueOf(rule.variable, reading)) === rule.expected
    case 'comparison': {
      const { variable, compare, operand } = rule
      const value = valueOf(variable, reading)
      return compare(value, isTemplate(operand) ? valueOf(operand, reading) : operand)
    }
  }
}

function isTemplate(operand: Json | PathTemplate): operand is PathTemplate {
  return typeof operand === 'object' && operand !== null && 'find' in operand
}

function valueOf(path: PathTemplate, reading: Reading): Json {
  const value = path.find(reading)
  if (value !== undefined) return value
  throw new EvaluationError(
    errorNames.runtime,
    `Invalid path '${path.source}': The choice state's condition path references an invalid value.`,
  )
}

const tests: Readonly<Record<string, Test>> = {
  IsNull: (value) => value === null,
  IsNumeric: isNumber,
  IsString: isString,
  IsBoolean: isBoolean,
  IsTimestamp: isTimestamp,
}

interface Comparison {
  readonly isOperand: Test
  readonly expected: string
  readonly compare: Compare
}

/** Values of another type than the operator's are unequal, and neither is less. */
const comparisons: Readonly<Record<string, Comparison>> = {
  BooleanEquals: {
    isOperand: isBoolean,
    expected: 'Expected value of type [BOOLEAN]',
    compare: (value, operand) => isBoolean(value) && value === operand,
  },
  ...orderings('String', isString, 'Expected value of type [STRING]', (text) => text),
  ...orderings('Numeric', isNumber, 'Expected value of type [NUMBER]', (number) => number),
  ...orderings('Timestamp', isTimestamp, 'Expected value of type [TIMESTAMP]', (text) =>
    timeOf(text)!,
  ),
  StringMatches: {
    isOperand: isString,
    expected: 'Expected value of type [STRING]',
    compare: (value, operand) =>
      isString(value) && isString(operand) && matches(value, patternOf(operand)),
  },
}

function orderings<T extends Json, K extends string | number>(
  type: string,
  isOperand: (value: Json) => value is T,
  expected: string,
  keyOf: (value: T) => K,
): Record<string, Comparison> {
  const comparison = (accepts: (left: K, right: K) => boolean): Comparison => ({
    isOperand,
    expected,
    compare: (value, operand) =>
      isOperand(value) && isOperand(operand) && accepts(keyOf(value), keyOf(operand)),
  })
  return {
    [`${type}Equals`]: comparison((left, right) => left === right),
    [`${type}LessThan`]: comparison((left, right) => left < right),
    [`${type}LessThanEquals`]: comparison((left, right) => left <= right),
    [`${type}GreaterThan`]: comparison((left, right) => left > right),
    [`${type}GreaterThanEquals`]: comparison((left, right) => left >= right),
  }
}

function isNumber(value: Json): value is number {
  return typeof value === 'number'
}

function isBoolean(value: Json): value is boolean {
  return typeof value === 'boolean'
}

function isTimestamp(value: Json): value is string {
  return isString(value) && timeOf(value) !== undefined
}

/** The texts between the wildcards `*`; a backslash takes the next character as it is. */
function patternOf(pattern: string): string[] {
  const parts = ['']
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '*') parts.push('')
    else if (character === '\\' && i + 1 < pattern.length) parts[parts.length - 1] += pattern[++i]!
    else parts[parts.length - 1] += character
  }
  return parts
}

/** Whether the parts follow one another in the text, the first at its start, the last at its end. */
function matches(text: string, parts: readonly string[]): boolean {
  const first = parts[0]!
  const last = parts.at(-1)!
  if (parts.length === 1) return text === first
  if (!text.startsWith(first) || text.length < first.length + last.length) return false
  const end = text.length - last.length
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return text.endsWith(last)
}

import { isObject, type Json } from '../data.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import { Template } from '../template.ts'
import type { Diagnostics } from './diagnostics.ts'

/** Fields of JSONPath states, which a JSONata state may not have. */
const jsonPathFields = new Set([
  'InputPath',
  'OutputPath',
  'ResultPath',
  'Parameters',
  'ResultSelector',
  'Result',
  'ItemsPath',
  'SecondsPath',
  'TimestampPath',
  'TimeoutSecondsPath',
  'HeartbeatSecondsPath',
  'MaxConcurrencyPath',
  'ToleratedFailureCountPath',
  'ToleratedFailurePercentagePath',
  'ErrorPath',
  'CausePath',
])

/**
 * Reads the fields of one object of a definition, one by one, and reports what is wrong with them.
 * `close` reports the fields that nothing has asked for. A reader answers a harmless value after it has
 * reported a fault, so that one pass finds every fault.
 */
export class Fields {
  readonly place: readonly string[]
  readonly host: ExpressionHost
  readonly diagnostics: Diagnostics
  readonly #source: Readonly<Record<string, Json>>
  readonly #read = new Set<string>()

  constructor(
    source: Json | undefined,
    place: readonly string[],
    host: ExpressionHost,
    diagnostics: Diagnostics,
  ) {
    this.place = place
    this.host = host
    this.diagnostics = diagnostics
    if (isObject(source)) {
      this.#source = source
    } else {
      this.#source = {}
      diagnostics.add('SCHEMA_VALIDATION_FAILED', place, 'Expected an object')
    }
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#source, name)
  }

  raw(name: string): Json | undefined {
    this.#read.add(name)
    return this.has(name) ? this.#source[name] : undefined
  }

  names(): string[] {
    return Object.keys(this.#source)
  }

  fault(message: string, ...below: string[]): void {
    this.diagnostics.add('SCHEMA_VALIDATION_FAILED', [...this.place, ...below], message)
  }

  string(name: string): string | undefined {
    const value = this.raw(name)
    if (value === undefined || typeof value === 'string') return value
    this.fault('Expected value of type String', name)
    return undefined
  }

  required(name: string): void {
    if (!this.has(name)) this.fault(`The field '${name}' is required but was missing`)
  }

  requiredString(name: string): string {
    this.required(name)
    return this.string(name) ?? ''
  }

  /** A number within bounds, both inclusive. */
  number(
    name: string,
    bounds: { min: number; max: number; integer?: boolean },
  ): number | undefined {
    const value = this.raw(name)
    if (value === undefined) return undefined
    if (typeof value === 'number' && isWithin(value, bounds)) return value
    this.fault(`Expected ${describeBounds(bounds)}`, name)
    return undefined
  }

  object(name: string): Fields | undefined {
    const value = this.raw(name)
    return value === undefined ? undefined : this.#below(value, name)
  }

  /** The objects of an array, which must hold `min` at least. */
  objects(name: string, min = 0): Fields[] {
    const value = this.raw(name)
    if (value === undefined) return []
    if (!Array.isArray(value)) {
      this.fault('Expected value of type Array', name)
      return []
    }
    const items = value as readonly Json[]
    if (items.length < min) this.fault(`Expected at least ${min} element`, name)
    return items.map((item, i) => this.#below(item, name, String(i)))
  }

  template(name: string, field = name): Template | undefined {
    const value = this.raw(name)
    return value === undefined ? undefined : this.#template(value, name, field)
  }

  /** A number within bounds, or an expression for one. */
  numberTemplate(
    name: string,
    bounds: { min: number; max: number; integer?: boolean },
  ): Template | undefined {
    const template = this.template(name)
    if (template?.constant === undefined) return template
    const { constant } = template
    if (typeof constant !== 'number' || !isWithin(constant, bounds)) {
      this.fault(`Expected ${describeBounds(bounds)}, or a JSONata expression`, name)
    }
    return template
  }

  /** Variables to assign, or undefined when there are none. */
  assign(field = 'Assign'): Template | undefined {
    const value = this.raw('Assign')
    if (value === undefined) return undefined
    if (!isObject(value)) {
      this.fault('Expected value of type Object', 'Assign')
      return undefined
    }
    for (const name of Object.keys(value)) {
      if (!/^[\p{ID_Start}_][\p{ID_Continue}_]{0,79}$/u.test(name)) {
        this.fault(`'${name}' is not a variable name of 1 to 80 characters`, 'Assign', name)
      } else if (name === 'states') {
        this.fault(`'states' is reserved`, 'Assign', name)
      }
    }
    return this.#template(value, 'Assign', field)
  }

  close(): void {
    for (const name of this.names()) {
      if (this.#read.has(name)) continue
      if (jsonPathFields.has(name)) {
        this.fault(`The field '${name}' is of JSONPath and cannot be used with JSONata`, name)
      } else {
        this.fault(`Field '${name}' is not supported`, name)
      }
    }
  }

  #below(value: Json, ...names: string[]): Fields {
    return new Fields(value, [...this.place, ...names], this.host, this.diagnostics)
  }

  #template(value: Json, name: string, field: string): Template {
    return new Template(value, field, this.host, (place, message) => {
      this.fault(message, name, ...place)
    })
  }
}

function isWithin(value: number, bounds: { min: number; max: number; integer?: boolean }): boolean {
  const isWhole = bounds.integer === false || Number.isInteger(value)
  return isWhole && value >= bounds.min && value <= bounds.max
}

function describeBounds(bounds: { min: number; max: number; integer?: boolean }): string {
  const kind = bounds.integer === false ? 'a number' : 'an integer'
  return bounds.max === Infinity
    ? `${kind} of at least ${bounds.min}`
    : `${kind} from ${bounds.min} to ${bounds.max}`
}

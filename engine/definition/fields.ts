import { isObject, type Json } from '../data.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import { JsonataTemplate } from '../jsonata/template.ts'
import { readReferencePath, type ReferencePath } from '../jsonpath/reference-path.ts'
import { type PathKind, PathTemplate, PayloadTemplate } from '../jsonpath/template.ts'
import { constantTemplate, type Template } from '../template.ts'
import type { Diagnostics, Place } from './diagnostics.ts'
import type { QueryLanguage } from './states.ts'

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

/** Fields of JSONata states, which a JSONPath state may not have. */
const jsonataFields = new Set(['Arguments', 'Output', 'Items', 'Condition'])

/**
 * Reads the fields of one object of a definition, one by one, and reports what is wrong with them.
 * `close` reports the fields that nothing has asked for. A reader answers a harmless value after it has
 * reported a fault, so that one pass finds every fault.
 */
export class Fields {
  readonly place: Place
  readonly language: QueryLanguage
  readonly host: ExpressionHost
  readonly diagnostics: Diagnostics
  readonly #source: Readonly<Record<string, Json>>
  readonly #read: Set<string>

  constructor(
    source: Json | undefined,
    place: Place,
    language: QueryLanguage,
    host: ExpressionHost,
    diagnostics: Diagnostics,
    read = new Set<string>(),
  ) {
    this.#read = read
    this.language = language
    this.place = place
    this.host = host
    this.diagnostics = diagnostics
    if (isObject(source)) {
      this.#source = source
    } else {
      this.#source = {}
      diagnostics.add('SCHEMA_VALIDATION_FAILED', place, 'Expected value of type [OBJECT]')
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

  fault(message: string, ...below: (string | number)[]): void {
    this.diagnostics.add('SCHEMA_VALIDATION_FAILED', [...this.place, ...below], message)
  }

  string(name: string): string | undefined {
    const value = this.raw(name)
    if (value === undefined || typeof value === 'string') return value
    this.fault('Expected value of type [STRING]', name)
    return undefined
  }

  required(name: string): void {
    if (!this.has(name)) this.fault(`These fields are required: [${name}]`)
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
      this.fault('Expected value of type [ARRAY]', name)
      return []
    }
    const items = value as readonly Json[]
    if (items.length < min) this.fault(`Expected at least ${min} element`, name)
    return items.map((item, i) => this.#below(item, name, i))
  }

  /** These fields, in another query language. */
  in(language: QueryLanguage): Fields {
    const { place, host, diagnostics } = this
    return new Fields(this.#source, place, language, host, diagnostics, this.#read)
  }

  /** A value with expressions in it: JSONata's, or a payload template of JSONPath. */
  template(name: string, field = name): Template | undefined {
    const value = this.raw(name)
    return value === undefined ? undefined : this.#template(value, name, field)
  }

  /** What a task, a branch or a resource is given: Arguments, or Parameters in JSONPath. */
  arguments(): Template | undefined {
    return this.template(this.language === 'JSONata' ? 'Arguments' : 'Parameters')
  }

  /** A path of JSONPath, as InputPath; also an intrinsic function where it takes one. */
  path(name: string, kind: PathKind = 'path'): PathTemplate | undefined {
    const value = this.string(name)
    if (value === undefined) return undefined
    return new PathTemplate(value, name, kind, this.host, (message) => {
      this.fault(message, name)
    })
  }

  /** A path to one place in the state's input; null is given on. */
  referencePath(name: string): ReferencePath | null | undefined {
    if (this.raw(name) === null) return null
    const value = this.string(name)
    if (value === undefined) return undefined
    return readReferencePath(value, (message) => {
      this.fault(message, name)
    })
  }

  /**
   * A value that is a constant of the definition, an expression (JSONata) or a path in the field
   * `<name>Path` (JSONPath). `expected` says in a message what the constant has to be.
   */
  valueTemplate(
    name: string,
    isValid: (value: Json) => boolean,
    expected: string,
    kind: PathKind = 'reference',
  ): Template | undefined {
    if (this.language === 'JSONata') {
      const template = this.template(name)
      if (template?.constant !== undefined && !isValid(template.constant)) {
        this.fault(`${expected}, or a JSONata expression`, name)
      }
      return template
    }
    const path = this.path(`${name}Path`, kind)
    const value = this.raw(name)
    if (value === undefined) return path
    if (path !== undefined) this.fault(`Only one of '${name}' and '${name}Path' can be set`)
    if (!isValid(value)) this.fault(expected, name)
    return constantTemplate(value, name)
  }

  /** A number within bounds, or an expression or path for one. */
  numberTemplate(
    name: string,
    bounds: { min: number; max: number; integer?: boolean },
  ): Template | undefined {
    const isValid = (value: Json) => typeof value === 'number' && isWithin(value, bounds)
    return this.valueTemplate(name, isValid, `Expected ${describeBounds(bounds)}`)
  }

  /** Variables to assign, or undefined when there are none. */
  assign(field = 'Assign'): Template | undefined {
    const value = this.raw('Assign')
    if (value === undefined) return undefined
    if (!isObject(value)) {
      this.fault('Expected value of type [OBJECT]', 'Assign')
      return undefined
    }
    for (const key of Object.keys(value)) {
      const isPath = this.language === 'JSONPath' && key.endsWith('.$')
      const name = isPath ? key.slice(0, -2) : key
      if (!/^[\p{ID_Start}_][\p{ID_Continue}_]{0,79}$/u.test(name)) {
        this.fault(`'${name}' is not a variable name of 1 to 80 characters`, 'Assign', key)
      } else if (name === 'states') {
        this.fault(`'states' is reserved`, 'Assign', key)
      }
    }
    return this.#template(value, 'Assign', field)
  }

  close(): void {
    for (const name of this.names()) {
      if (this.#read.has(name)) continue
      const other = this.language === 'JSONata' ? jsonPathFields : jsonataFields
      this.fault(
        other.has(name)
          ? `The QueryLanguage is set to '${this.language}', but field '${name}' is only supported ` +
              `for the '${this.language === 'JSONata' ? 'JSONPath' : 'JSONata'}' QueryLanguage`
          : `Field '${name}' is not supported`,
      )
    }
  }

  #below(value: Json, ...names: (string | number)[]): Fields {
    const { host, diagnostics, language } = this
    return new Fields(value, [...this.place, ...names], language, host, diagnostics)
  }

  #template(value: Json, name: string, field: string): Template {
    if (this.language === 'JSONata') {
      return new JsonataTemplate(value, field, this.host, (place, { code, message }) => {
        this.diagnostics.add(code, [...this.place, name, ...place], message)
      })
    }
    return new PayloadTemplate(value, field, this.host, (place, message) => {
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

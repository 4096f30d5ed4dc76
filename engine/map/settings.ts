import { isObject, isString, type Json } from '../data.ts'
import type { MapState } from '../definition/states.ts'
import type { Scope, StateRun } from '../execution.ts'
import { limits } from '../limits.ts'
import type { Template } from '../template.ts'
import type { Turn } from '../turn.ts'
import { labelOf } from './arns.ts'
import type { DistributedMap, ItemBatcher, ItemReader, ResultWriter } from './definition.ts'
import type { ReaderRequest } from './items/read.ts'
import type { BatchSettings, MapRunSettings, ResultSettings, Tolerance } from './run.ts'

/** Evaluates the fields of a distributed Map. Throws StateFault. */
export function settingsOf(
  turn: Turn,
  scope: Scope,
  run: StateRun,
  distributed: DistributedMap,
  items: Json | undefined,
): MapRunSettings {
  const state = run.state as MapState
  const values = new Values(turn, scope, run)
  const { label, executionType, reader, batcher, writer } = distributed
  return {
    label: label ?? labelOf(state.name),
    executionType,
    tolerance: toleranceOf(values, state),
    maxConcurrency: concurrencyOf(values, state),
    ...(items === undefined ? {} : { items }),
    ...(reader === undefined ? {} : { reader: readerOf(values, reader) }),
    ...(batcher === undefined ? {} : { batch: batchOf(values, batcher) }),
    results: resultsOf(values, writer),
  }
}

/** MaxConcurrency, where 0 means no bound of the definition's own. Throws StateFault. */
export function concurrencyOf(values: Values, { maxConcurrency }: MapState): number {
  return values.count(maxConcurrency, 'MaxConcurrency') ?? 0
}

/** ToleratedFailureCount and ToleratedFailurePercentage. Throws StateFault. */
export function toleranceOf(values: Values, state: MapState): Tolerance {
  const count = values.count(state.toleratedFailureCount, 'ToleratedFailureCount')
  const percentage = values.percentage(
    state.toleratedFailurePercentage,
    'ToleratedFailurePercentage',
  )
  return {
    ...(count === undefined ? {} : { count }),
    ...(percentage === undefined ? {} : { percentage }),
  }
}

/** Evaluates the templates of one Map state. */
export class Values {
  readonly #turn: Turn
  readonly #scope: Scope
  readonly #run: StateRun

  constructor(turn: Turn, scope: Scope, run: StateRun) {
    this.#turn = turn
    this.#scope = scope
    this.#run = run
  }

  /** A whole number from 0. */
  count(template: Template | undefined, name: string): number | undefined {
    const value = this.#number(template, 'integer', Number.isSafeInteger)
    if (value !== undefined && value < 0) {
      throw this.fault(template!.field, `${name} cannot be negative.`)
    }
    return value
  }

  percentage(template: Template | undefined, name: string): number | undefined {
    const expected = this.#isJsonPath ? 'float' : 'number'
    const value = this.#number(template, expected, Number.isFinite)
    if (value !== undefined && (value < 0 || value > 100)) {
      throw this.fault(template!.field, `${name} must be between 0 and 100.`)
    }
    return value
  }

  /** The members of an object. */
  object(template: Template): Readonly<Record<string, unknown>> {
    return this.#turn.evaluateAs(this.#scope, this.#run, template, 'object', isJsonObject)
  }

  json(template: Template): Json {
    return this.#turn.evaluate(this.#scope, this.#run, template).value
  }

  fault(field: string, message: string) {
    return this.#turn.evaluationFault(this.#run, field, message)
  }

  /** A string of an object that a field has evaluated to. */
  string(object: Readonly<Record<string, unknown>>, name: string, field: string): string {
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    if (typeof value === 'string' && value !== '') return value
    throw this.fault(field, `The field '${name}' of '${field}' must be a string.`)
  }

  get #isJsonPath(): boolean {
    return this.#run.state.language === 'JSONPath'
  }

  /** A path of JSONPath may lead to the text of a number. */
  #number(
    template: Template | undefined,
    expected: string,
    isValid: (value: unknown) => boolean,
  ): number | undefined {
    if (template === undefined) return undefined
    const isNumber = (value: Json): value is number | string =>
      isValid(value) ||
      (this.#isJsonPath && isString(value) && value.trim() !== '' && isValid(Number(value)))
    return Number(this.#turn.evaluateAs(this.#scope, this.#run, template, expected, isNumber))
  }
}

function readerOf(values: Values, reader: ItemReader): ReaderRequest {
  const { action, inputType, manifestType, delimiter, header, pointer, flatten } = reader
  const field = reader.arguments.field
  const given = values.object(reader.arguments)
  const optional = (name: string) =>
    given[name] === undefined ? undefined : values.string(given, name, field)
  const versionId = action === 'getObject' ? optional('VersionId') : undefined
  const prefix =
    action === 'listObjectsV2' && given['Prefix'] !== '' ? optional('Prefix') : undefined
  const maxItems = values.count(reader.maxItems, 'MaxItems')
  return {
    action,
    bucket: values.string(given, 'Bucket', field),
    ...(action === 'getObject' ? { key: values.string(given, 'Key', field) } : {}),
    ...(versionId === undefined ? {} : { versionId }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(inputType === undefined ? {} : { inputType }),
    ...(manifestType === undefined ? {} : { manifestType }),
    ...(flatten ? { flatten } : {}),
    delimiter,
    ...(header === undefined ? {} : { header }),
    ...(pointer === '' ? {} : { pointer }),
    ...(maxItems === undefined || maxItems === 0 ? {} : { maxItems }),
  }
}

function batchOf(values: Values, { maxItems, maxBytes, input }: ItemBatcher): BatchSettings {
  const most = values.count(maxItems, 'MaxItemsPerBatch')
  const bytes = values.count(maxBytes, 'MaxInputBytesPerBatch')
  if (most === 0) throw values.fault(maxItems!.field, 'MaxItemsPerBatch must be positive.')
  if (bytes !== undefined && (bytes === 0 || bytes > limits.stateDataBytes)) {
    throw values.fault(
      maxBytes!.field,
      `MaxInputBytesPerBatch must be between 1 and ${limits.stateDataBytes}.`,
    )
  }
  return {
    ...(most === undefined ? {} : { maxItems: most }),
    ...(bytes === undefined ? {} : { maxBytes: bytes }),
    ...(input === undefined ? {} : { input: values.json(input) }),
  }
}

function resultsOf(values: Values, writer: ResultWriter | undefined): ResultSettings {
  const { transformation = 'COMPACT', outputType = 'JSON' } = writer ?? {}
  if (writer?.arguments === undefined) return { transformation, outputType }
  const { field } = writer.arguments
  const given = values.object(writer.arguments)
  const prefix = given['Prefix'] ?? ''
  if (typeof prefix !== 'string') {
    throw values.fault(field, `The field 'Prefix' of '${field}' must be a string.`)
  }
  const bucket = values.string(given, 'Bucket', field)
  return { transformation, outputType, destination: { bucket, prefix } }
}

function isJsonObject(value: Json): value is { readonly [name: string]: Json } {
  return isObject(value)
}

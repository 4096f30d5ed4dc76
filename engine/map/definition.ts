import { isString, type Json } from '../data.ts'
import type { Diagnostics } from '../definition/diagnostics.ts'
import type { Fields } from '../definition/fields.ts'
import { limits } from '../limits.ts'
import type { Template } from '../template.ts'
import { type Delimiter, delimiters } from './items/csv.ts'
import { readPointer } from './items/json.ts'
import { type InputType, inputTypes } from './items/read.ts'

/** What a Map state has that runs its items as executions of their own. */
export interface DistributedMap {
  readonly executionType: 'STANDARD' | 'EXPRESS'
  /** Names the map runs and the child executions in their ARNs; default one made of the state's name. */
  readonly label: string | undefined
  /** Without it, the items are in the state's input. */
  readonly reader: ItemReader | undefined
  readonly batcher: ItemBatcher | undefined
  readonly writer: ResultWriter | undefined
}

export interface ItemReader {
  readonly action: 'getObject' | 'listObjectsV2'
  /** Answers an object with Bucket and Key or Prefix. */
  readonly arguments: Template
  readonly inputType: InputType | undefined
  readonly manifestType: 'ATHENA_DATA' | 'S3_INVENTORY' | undefined
  readonly flatten: boolean
  readonly delimiter: Delimiter
  readonly header: readonly string[] | undefined
  readonly pointer: string
  readonly maxItems: Template | undefined
}

export interface ItemBatcher {
  readonly maxItems: Template | undefined
  readonly maxBytes: Template | undefined
  readonly input: Template | undefined
}

export interface ResultWriter {
  /** Answers an object with Bucket and Prefix; without it the results are the state's. */
  readonly arguments: Template | undefined
  readonly transformation: Transformation
  readonly outputType: 'JSON' | 'JSONL'
}

export type Transformation = 'NONE' | 'COMPACT' | 'FLATTEN'

const distributedFields = ['ItemReader', 'ItemBatcher', 'ResultWriter', 'Label'] as const

/**
 * Reads the fields of a distributed Map.
 *
 * @param config ProcessorConfig of the Map's ItemProcessor
 * @returns undefined for an inline Map, which may have none of these fields
 */
export function readDistributed(
  fields: Fields,
  config: Fields | undefined,
): DistributedMap | undefined {
  const mode = config?.string('Mode') ?? 'INLINE'
  if (mode !== 'INLINE' && mode !== 'DISTRIBUTED') {
    config?.fault(`Expected INLINE or DISTRIBUTED, found '${mode}'`, 'Mode')
  }
  if (mode !== 'DISTRIBUTED') {
    for (const field of distributedFields) {
      if (fields.raw(field) === undefined) continue
      fields.fault(`The field '${field}' is only supported in a Map of the mode DISTRIBUTED`, field)
    }
    if (config?.raw('ExecutionType') !== undefined) {
      config.fault('ExecutionType is only supported in the mode DISTRIBUTED', 'ExecutionType')
    }
    config?.close()
    return undefined
  }
  config?.required('ExecutionType')
  const executionType = config && choice(config, 'ExecutionType', ['STANDARD', 'EXPRESS'])
  config?.close()
  return {
    executionType: executionType ?? 'STANDARD',
    label: readLabel(fields),
    reader: readReader(fields.object('ItemReader')),
    batcher: readBatcher(fields.object('ItemBatcher')),
    writer: readWriter(fields.object('ResultWriter')),
  }
}

/** Characters that ARNs and object keys give a meaning to are not allowed. */
const forbiddenInLabels = /[\s\p{Cc}?*<>{}[\]:;,\\|^~$#%&`"/]/u

/** The labels of the definition that is being read: each names one Map. */
const labels = new WeakMap<Diagnostics, Set<string>>()

function readLabel(fields: Fields): string | undefined {
  const label = fields.string('Label')
  if (label === undefined) return undefined
  if (label.length < 1 || label.length > limits.mapLabelLength) {
    fields.fault(`A Label has 1 to ${limits.mapLabelLength} characters`, 'Label')
  }
  const found = forbiddenInLabels.exec(label)?.[0]
  if (found !== undefined) fields.fault(`A Label cannot have ${JSON.stringify(found)}`, 'Label')
  const others = labels.get(fields.diagnostics) ?? new Set()
  if (others.has(label)) fields.fault(`Another Map has the Label '${label}'`, 'Label')
  labels.set(fields.diagnostics, others.add(label))
  return label
}

function readReader(fields: Fields | undefined): ItemReader | undefined {
  if (fields === undefined) return undefined
  const action = readResource(fields, ['getObject', 'listObjectsV2'])
  const template = readArguments(fields, 'ItemReader')
  const config = fields.object('ReaderConfig')
  fields.close()
  const inputType = config && choice(config, 'InputType', inputTypes)
  const transformation = config && choice(config, 'Transformation', ['NONE', 'LOAD_AND_FLATTEN'])
  const flatten = transformation === 'LOAD_AND_FLATTEN'
  const readsObjects = action === 'getObject' || flatten
  if (readsObjects && fields.has('Resource')) {
    if (config === undefined) fields.required('ReaderConfig')
    else config.required('InputType')
  }
  if (inputType === 'PARQUET') {
    config?.diagnostics.add(
      'NOT_SUPPORTED',
      [...config.place, 'InputType'],
      'Parquet is not read here: only on AWS',
    )
  }
  if (flatten && action === 'getObject') {
    config?.fault('LOAD_AND_FLATTEN is only supported with s3:listObjectsV2', 'Transformation')
  }
  const manifestType = config && choice(config, 'ManifestType', ['ATHENA_DATA', 'S3_INVENTORY'])
  const csv = readCsvConfig(config, inputType === 'CSV' && readsObjects)
  const pointer = readItemsPointer(config)
  const maxItems = config?.numberTemplate('MaxItems', { min: 0, max: limits.mapItems })
  config?.close()
  return (
    template && {
      action,
      arguments: template,
      inputType,
      manifestType,
      flatten,
      ...csv,
      pointer,
      maxItems,
    }
  )
}

function readCsvConfig(
  config: Fields | undefined,
  isCsv: boolean,
): Pick<ItemReader, 'delimiter' | 'header'> {
  if (config === undefined) return { delimiter: 'COMMA', header: undefined }
  if (isCsv) config.required('CSVHeaderLocation')
  const location = choice(config, 'CSVHeaderLocation', ['FIRST_ROW', 'GIVEN'])
  const names = Object.keys(delimiters) as Delimiter[]
  const delimiter = choice(config, 'CSVDelimiter', names) ?? 'COMMA'
  if (location === 'GIVEN') config.required('CSVHeaders')
  const header = config.raw('CSVHeaders')
  if (header !== undefined && !isStrings(header)) {
    config.fault('Expected an array of strings', 'CSVHeaders')
  }
  if (header !== undefined && location === 'FIRST_ROW') {
    config.fault(`CSVHeaders is only supported with the CSVHeaderLocation GIVEN`, 'CSVHeaders')
  }
  return { delimiter, header: header !== undefined && isStrings(header) ? header : undefined }
}

function readItemsPointer(config: Fields | undefined): string {
  const pointer = config?.string('ItemsPointer') ?? ''
  try {
    readPointer(pointer)
  } catch (error) {
    config?.fault((error as Error).message, 'ItemsPointer')
  }
  return pointer
}

function readBatcher(fields: Fields | undefined): ItemBatcher | undefined {
  if (fields === undefined) return undefined
  const maxItems = fields.numberTemplate('MaxItemsPerBatch', { min: 1, max: limits.mapItems })
  const maxBytes = fields.numberTemplate('MaxInputBytesPerBatch', {
    min: 1,
    max: limits.stateDataBytes,
  })
  if (maxItems === undefined && maxBytes === undefined) {
    fields.fault(`One of the fields 'MaxItemsPerBatch' and 'MaxInputBytesPerBatch' is required`)
  }
  const input = fields.template('BatchInput', 'ItemBatcher/BatchInput')
  fields.close()
  return { maxItems, maxBytes, input }
}

function readWriter(fields: Fields | undefined): ResultWriter | undefined {
  if (fields === undefined) return undefined
  const isExported = fields.has('Resource') || fields.has(argumentsName(fields))
  const config = fields.object('WriterConfig')
  if (!isExported && config === undefined) {
    fields.fault(`One of the fields 'Resource' and 'WriterConfig' is required`)
  }
  if (isExported) readResource(fields, ['putObject'])
  const template = isExported ? readArguments(fields, 'ResultWriter') : undefined
  fields.close()
  const transformation = config && choice(config, 'Transformation', ['NONE', 'COMPACT', 'FLATTEN'])
  const outputType = config && choice(config, 'OutputType', ['JSON', 'JSONL'])
  config?.close()
  return {
    arguments: template,
    transformation: transformation ?? (isExported ? 'NONE' : 'COMPACT'),
    outputType: outputType ?? 'JSON',
  }
}

function readResource<T extends string>(fields: Fields, actions: readonly [T, ...T[]]): T {
  const resource = fields.requiredString('Resource')
  const action = /^arn:[a-z-]+:states:::s3:(\w+)$/.exec(resource)?.[1]
  const found = actions.find((name) => name === action)
  if (found === undefined && fields.has('Resource')) {
    const expected = actions.map((name) => `arn:aws:states:::s3:${name}`).join(' or ')
    fields.fault(`Expected ${expected}, found '${resource}'`, 'Resource')
  }
  return found ?? actions[0]
}

function readArguments(fields: Fields, within: string): Template | undefined {
  const name = argumentsName(fields)
  fields.required(name)
  return fields.template(name, `${within}/${name}`)
}

function argumentsName(fields: Fields): 'Arguments' | 'Parameters' {
  return fields.language === 'JSONata' ? 'Arguments' : 'Parameters'
}

function choice<T extends string>(
  fields: Fields,
  name: string,
  values: readonly T[],
): T | undefined {
  const value = fields.string(name)
  const found = values.find((known) => known === value)
  if (value !== undefined && found === undefined) {
    fields.fault(`Expected one of ${values.join(', ')}, found '${value}'`, name)
  }
  return found
}

function isStrings(value: Json): value is readonly string[] {
  return Array.isArray(value) && (value as readonly Json[]).every(isString)
}

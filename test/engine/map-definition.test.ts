import { describe, expect, it } from 'vitest'
import { EngineError, openEngine } from '../../engine/index.ts'
import { distributed, pass } from './map-support.ts'
import { type Fields, machine, workflow } from './support.ts'

/** The faults of a definition, each with its place. */
async function faultsOf(definition: string, type: 'STANDARD' | 'EXPRESS' = 'STANDARD') {
  const engine = await openEngine({ tasks: () => undefined })
  try {
    await engine.createStateMachine({ name: 'm', definition, type })
    return []
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    expect(error.name).toBe('InvalidDefinition')
    const { diagnostics } = error.details as {
      diagnostics: { location: string; message: string }[]
    }
    return diagnostics.map(({ location, message }) => `${location} ${message}`)
  } finally {
    await engine.close()
  }
}

const getObject = 'arn:aws:states:::s3:getObject'
const listObjects = 'arn:aws:states:::s3:listObjectsV2'
const putObject = 'arn:aws:states:::s3:putObject'
const place = { Bucket: 'b', Key: 'k' }
const map = (fields: Fields) => machine({ M: distributed(undefined, fields) })
const mapOfPaths = (fields: Fields) =>
  machine({ M: distributed(undefined, fields) }, { QueryLanguage: 'JSONPath' })
const reader = (ReaderConfig: Fields, Resource = getObject) =>
  map({ ItemReader: { Resource, Arguments: place, ReaderConfig } })
const inline = (fields: Fields) =>
  machine({ M: { Type: 'Map', ItemProcessor: workflow({ P: pass() }), End: true, ...fields } })
const withConfig = (ProcessorConfig: Fields) =>
  inline({ ItemProcessor: { ProcessorConfig, ...workflow({ P: pass() }) } })

describe('a definition with a Map', () => {
  it.each<[string, string]>([
    [
      'everything',
      map({
        Items: { a: 1 },
        ItemSelector: '{% $states.context.Map.Item.Value %}',
        MaxConcurrency: '{% 5 %}',
        ToleratedFailureCount: 1,
        ToleratedFailurePercentage: 0.5,
        ItemBatcher: {
          MaxItemsPerBatch: 1,
          MaxInputBytesPerBatch: '{% 9 %}',
          BatchInput: { a: '{% 1 %}' },
        },
        ResultWriter: {
          Resource: putObject,
          Arguments: { Bucket: 'b', Prefix: 'p' },
          WriterConfig: { Transformation: 'FLATTEN', OutputType: 'JSONL' },
        },
      }),
    ],
    [
      'everything of JSONPath',
      mapOfPaths({
        ItemsPath: '$.a',
        ItemSelector: { 'a.$': '$$.Map.Item.Value' },
        MaxConcurrencyPath: '$.n',
        ToleratedFailureCountPath: '$.n',
        ToleratedFailurePercentagePath: '$.n',
        ItemBatcher: {
          MaxItemsPerBatchPath: '$.n',
          MaxInputBytesPerBatchPath: '$.n',
          BatchInput: { 'a.$': '$' },
        },
        ItemReader: {
          Resource: getObject,
          Parameters: { 'Bucket.$': '$.b', Key: 'k' },
          ReaderConfig: { InputType: 'JSON', ItemsPointer: '/a/0', MaxItemsPath: '$.n' },
        },
        ResultWriter: { Resource: putObject, Parameters: { Bucket: 'b', 'Prefix.$': '$.p' } },
      }),
    ],
    [
      'CSV',
      reader({
        InputType: 'CSV',
        CSVHeaderLocation: 'GIVEN',
        CSVHeaders: ['a'],
        CSVDelimiter: 'TAB',
      }),
    ],
    ['a manifest', reader({ InputType: 'MANIFEST' })],
    ['a listing', map({ ItemReader: { Resource: listObjects, Arguments: { Bucket: 'b' } } })],
    [
      'a listing that is read',
      reader({ InputType: 'JSONL', Transformation: 'LOAD_AND_FLATTEN' }, listObjects),
    ],
    [
      'a writer that only formats',
      map({ ResultWriter: { WriterConfig: { Transformation: 'NONE' } } }),
    ],
    ['no Label', map({ Label: undefined })],
    ['an inline mode', withConfig({ Mode: 'INLINE' })],
  ])('is accepted: %s', async (_, definition) => {
    expect(await faultsOf(definition)).toEqual([])
  })

  it.each<[string, string, string]>([
    ['no ItemProcessor', inline({ ItemProcessor: undefined }), 'ItemProcessor'],
    [
      'ItemProcessor and Iterator',
      inline({ Iterator: workflow({ Q: pass() }) }),
      "Only one of the fields 'ItemProcessor' and 'Iterator'",
    ],
    [
      'ItemSelector and Parameters',
      mapOfPaths({ ItemSelector: {}, Parameters: {} }),
      "Only one of the fields 'ItemSelector' and 'Parameters'",
    ],
    ['Parameters in JSONata', inline({ Parameters: {} }), "field 'Parameters' is only supported"],
    ['Items in JSONPath', mapOfPaths({ Items: [] }), "field 'Items' is only supported"],
    ['Items of another type', inline({ Items: 'x' }), '/States/M/Items Expected an array'],
    ['an unknown mode', withConfig({ Mode: 'OTHER' }), '/Mode Expected INLINE or DISTRIBUTED'],
    ['no ExecutionType', withConfig({ Mode: 'DISTRIBUTED' }), 'required: [ExecutionType]'],
    [
      'an unknown ExecutionType',
      withConfig({ Mode: 'DISTRIBUTED', ExecutionType: 'FAST' }),
      'Expected one of STANDARD, EXPRESS',
    ],
    [
      'an ExecutionType of an inline Map',
      withConfig({ ExecutionType: 'EXPRESS' }),
      'only supported in the mode DISTRIBUTED',
    ],
    [
      'another field of ProcessorConfig',
      withConfig({ Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS', X: 1 }),
      "Field 'X' is not supported",
    ],
    ...['ItemReader', 'ItemBatcher', 'ResultWriter', 'Label'].map(
      (field): [string, string, string] => [
        `${field} of an inline Map`,
        inline({ [field]: field === 'Label' ? 'x' : {} }),
        `/States/M/${field} The field '${field}' is only supported in a Map of the mode DISTRIBUTED`,
      ],
    ),
    ['an empty Label', map({ Label: '' }), '/Label A Label has 1 to 40 characters'],
    ['a long Label', map({ Label: 'x'.repeat(41) }), '/Label A Label has 1 to 40 characters'],
    ['a Label with a slash', map({ Label: 'a/b' }), '/Label A Label cannot have "/"'],
    [
      'a Label of two Maps',
      machine({ A: distributed({ P: pass() }, { Next: 'B' }), B: distributed({ Q: pass() }) }),
      "/States/B/Label Another Map has the Label 'Each'",
    ],
    [
      'a negative MaxConcurrency',
      map({ MaxConcurrency: -1 }),
      '/MaxConcurrency Expected an integer',
    ],
    [
      'a ToleratedFailurePercentage over 100',
      map({ ToleratedFailurePercentage: 100.1 }),
      '/ToleratedFailurePercentage Expected a number',
    ],
    [
      'a number and its path',
      mapOfPaths({ MaxConcurrency: 1, MaxConcurrencyPath: '$.n' }),
      "Only one of 'MaxConcurrency' and 'MaxConcurrencyPath'",
    ],
    [
      'an empty ItemBatcher',
      map({ ItemBatcher: {} }),
      "/ItemBatcher One of the fields 'MaxItemsPerBatch' and 'MaxInputBytesPerBatch' is required",
    ],
    [
      'a batch of nothing',
      map({ ItemBatcher: { MaxItemsPerBatch: 0 } }),
      '/MaxItemsPerBatch Expected an integer',
    ],
    [
      'a batch over 256 KiB',
      map({ ItemBatcher: { MaxInputBytesPerBatch: 262_145 } }),
      '/MaxInputBytesPerBatch Expected an integer',
    ],
    [
      'an empty ResultWriter',
      map({ ResultWriter: {} }),
      "/ResultWriter One of the fields 'Resource' and 'WriterConfig' is required",
    ],
    [
      'a ResultWriter without arguments',
      map({ ResultWriter: { Resource: putObject } }),
      '/ResultWriter These fields are required: [Arguments]',
    ],
    [
      'a ResultWriter that reads',
      map({ ResultWriter: { Resource: getObject, Arguments: {} } }),
      `Expected ${putObject}`,
    ],
    [
      'an unknown Transformation',
      map({ ResultWriter: { WriterConfig: { Transformation: 'ZIP' } } }),
      'Expected one of NONE, COMPACT, FLATTEN',
    ],
    [
      'an unknown OutputType',
      map({ ResultWriter: { WriterConfig: { OutputType: 'CSV' } } }),
      'Expected one of JSON, JSONL',
    ],
    [
      'no Resource',
      map({ ItemReader: { Arguments: place } }),
      '/ItemReader These fields are required: [Resource]',
    ],
    [
      'a Resource of another kind',
      reader({ InputType: 'JSON' }, 'arn:aws:states:::s3:copy'),
      `Expected ${getObject} or ${listObjects}`,
    ],
    [
      'no arguments',
      map({ ItemReader: { Resource: listObjects } }),
      '/ItemReader These fields are required: [Arguments]',
    ],
    [
      'no ReaderConfig',
      map({ ItemReader: { Resource: getObject, Arguments: place } }),
      'required: [ReaderConfig]',
    ],
    ['no InputType', reader({}), 'required: [InputType]'],
    [
      'an unknown InputType',
      reader({ InputType: 'XML' }),
      '/InputType Expected one of CSV, JSON, JSONL, MANIFEST, PARQUET',
    ],
    ['Parquet', reader({ InputType: 'PARQUET' }), '/InputType Parquet is not read here'],
    ['no CSVHeaderLocation', reader({ InputType: 'CSV' }), 'required: [CSVHeaderLocation]'],
    [
      'no CSVHeaders',
      reader({ InputType: 'CSV', CSVHeaderLocation: 'GIVEN' }),
      'required: [CSVHeaders]',
    ],
    [
      'CSVHeaders of another type',
      reader({ InputType: 'CSV', CSVHeaderLocation: 'GIVEN', CSVHeaders: [1] }),
      'Expected an array of strings',
    ],
    [
      'an unknown CSVDelimiter',
      reader({ InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW', CSVDelimiter: ',' }),
      'Expected one of COMMA, PIPE',
    ],
    [
      'an ItemsPointer that is none',
      reader({ InputType: 'JSON', ItemsPointer: 'a/b' }),
      "'a/b' is not a JSON Pointer",
    ],
    [
      'MaxItems over the limit',
      reader({ InputType: 'JSON', MaxItems: 100_000_001 }),
      '/MaxItems Expected an integer',
    ],
    [
      'another field of ReaderConfig',
      reader({ InputType: 'JSON', Nope: 1 }),
      "Field 'Nope' is not supported",
    ],
    [
      'LOAD_AND_FLATTEN of one object',
      reader({ InputType: 'JSON', Transformation: 'LOAD_AND_FLATTEN' }),
      'only supported with s3:listObjectsV2',
    ],
    [
      'a token in an Express child',
      machine({
        M: distributed(
          {
            T: {
              Type: 'Task',
              Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
              End: true,
            },
          },
          {},
          'EXPRESS',
        ),
      }),
      'Express state machine does not support',
    ],
  ])('is refused: %s', async (_, definition, fault) => {
    const faults = await faultsOf(definition)
    expect(faults.join('\n')).toContain(fault)
    expect(faults).toHaveLength(1)
  })

  it('is refused in a state machine of the type EXPRESS', async () => {
    expect((await faultsOf(map({}), 'EXPRESS')).join()).toContain(
      "does not support 'DISTRIBUTED' mode of Map",
    )
  })
})

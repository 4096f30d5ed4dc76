import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { mapInFlatMemory } from './map-rows.ts'
import { distributed, objectsOf, runMap } from './map-support.ts'
import { type Fields, details, machine } from './support.ts'

const reader = (ReaderConfig: Fields, Arguments: Fields = { Bucket: 'b', Key: 'k' }): Fields => ({
  Resource: 'arn:aws:states:::s3:getObject',
  ReaderConfig,
  Arguments,
})
const csv = { InputType: 'CSV', CSVHeaderLocation: 'FIRST_ROW' }
const json = { InputType: 'JSON' }

/** The items that a Map gives to its children, of an object `b/k`. */
async function itemsOf(content: string | Uint8Array | AsyncIterable<Uint8Array>, config: Fields) {
  const objects = objectsOf({ 'b/k': content })
  return runMap(distributed(undefined, { ItemReader: reader(config) }), { objects })
}

/** The cause of States.ItemReaderFailed. */
async function faultOf(content: string | Uint8Array, config: Fields): Promise<string> {
  const { description, types, mapRun } = await itemsOf(content, config)
  expect(description).toMatchObject({ status: 'FAILED', error: 'States.ItemReaderFailed' })
  expect((await types()).slice(2)).toEqual([
    'MapStateStarted',
    'MapRunStarted',
    'MapRunFailed',
    'MapStateFailed',
    'ExecutionFailed',
  ])
  expect(await mapRun()).toMatchObject({ status: 'FAILED', executionCounts: { total: 0 } })
  return description.cause!
}

describe('CSV', () => {
  it('has a row of strings an item, by the names of its header', async () => {
    const { result, history } = await itemsOf('a,b\n1,x y\n2,é€😀\n', csv)
    expect(result).toEqual([
      { a: '1', b: 'x y' },
      { a: '2', b: 'é€😀' },
    ])
    const started = (await history()).find(({ type }) => type === 'MapStateStarted')
    expect(details(started)).toEqual({ length: 0 })
  })

  it.each([
    ['quotes', 'a,b\n"1,2","x\ny"\n', [{ a: '1,2', b: 'x\ny' }]],
    ['quotes within quotes', 'a,b\n"say ""hi""",""\n', [{ a: 'say "hi"', b: '' }]],
    ['quotes within a field', 'a,b\n5" disk,x"y"\n', [{ a: '5" disk', b: 'x"y"' }]],
    ['backslashes', 'a,b\n\\"x\\,y\\",\\\\z\\w\n', [{ a: '"x,y"', b: '\\zw' }]],
    ['a backslash at the end of a quoted field', 'a,b\n"x\\"",y\n', [{ a: 'x"', b: 'y' }]],
    [
      'CRLF and no last line end',
      'a,b\r\n1,2\r\n3,4',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['a byte order mark', '\ufeffa,b\n1,2', [{ a: '1', b: '2' }]],
    ['rows that are too short', 'a,b,c\n1\n', [{ a: '1', b: '', c: '' }]],
    ['rows that are too long', 'a,b\n1,2,3,4\n', [{ a: '1', b: '2' }]],
    ['empty lines', 'a,b\n\n1,2\n\n\n', [{ a: '1', b: '2' }]],
    ['names that occur twice', 'a,a\n1,2\n', [{ a: '2' }]],
    ['only a header', 'a,b\n', []],
    ['nothing', '', []],
  ])('takes %s', async (_, content, items) => {
    expect((await itemsOf(content, csv)).result).toEqual(items)
  })

  it('keeps a column that is named __proto__', async () => {
    const { description } = await itemsOf('__proto__,b\n1,2\n', csv)
    expect(description.output).toBe('[{"__proto__":"1","b":"2"}]')
  })

  it.each([
    ['COMMA', ','],
    ['PIPE', '|'],
    ['SEMICOLON', ';'],
    ['SPACE', ' '],
    ['TAB', '\t'],
  ])('is separated by %s', async (CSVDelimiter, character) => {
    const text = `a${character}b\n1${character}2\n`
    expect((await itemsOf(text, { ...csv, CSVDelimiter })).result).toEqual([{ a: '1', b: '2' }])
  })

  it('takes a header that is given', async () => {
    const config = { InputType: 'CSV', CSVHeaderLocation: 'GIVEN', CSVHeaders: ['x', 'y'] }
    expect((await itemsOf('1,2\n3,4\n', config)).result).toEqual([
      { x: '1', y: '2' },
      { x: '3', y: '4' },
    ])
  })

  it('is refused where it ends within quotes, is not UTF-8, or has a header over 10 KiB', async () => {
    expect(await faultOf('a,b\n"1,2\n', csv)).toContain('ends within a field in double quotes')
    expect(await faultOf(Buffer.from([97, 10, 0xff, 0xfe, 10]), csv)).toContain('not UTF-8')
    expect(await faultOf(`${'a'.repeat(11_000)}\n1\n`, csv)).toContain('header of the CSV has more')
  })
})

describe('JSON', () => {
  it.each([
    ['an array', '[1, "a,]", {"b": [2, "\\"]"]}, [], null, true, -1.5e3]', '', undefined],
    ['an empty array', ' [ ] ', '', []],
    ['an array within', '{"x":[9],"y":{"z":[1,2]},"w":[8]}', '/y/z', [1, 2]],
    ['an element of an array', '[[1],[2,3]]', '/1', [2, 3]],
    ['a name with a slash and a tilde', '{"a/b~c":[1]}', '/a~1b~0c', [1]],
    [
      'the members of an object',
      '{"a":1,"b":{"c":[]}}',
      '',
      [
        { Key: 'a', Value: 1 },
        { Key: 'b', Value: { c: [] } },
      ],
    ],
  ])('has items: %s', async (_, content, ItemsPointer, items) => {
    const { result } = await itemsOf(content, { ...json, ItemsPointer })
    expect(result).toEqual(items ?? JSON.parse(content))
  })

  it('shows keys and where it was read in the Context object', async () => {
    const objects = objectsOf({ 'b/k': '{"a":1}' })
    const { result } = await runMap(
      distributed(undefined, {
        ItemReader: reader(json),
        ItemSelector: '{% $states.context.Map.Item %}',
      }),
      { objects },
    )
    expect(result).toEqual([{ Index: 0, Key: 'a', Value: 1, Source: 'S3://b/k' }])
  })

  it.each([
    ['', '', 'empty'],
    ['   ', '', 'empty'],
    ['[1, 2', '', 'ends within'],
    ['[1,, 2]', '', 'item 1'],
    ['[1 2]', '', "unexpected '2'"],
    ['[nul]', '', 'item 0'],
    ['{"a" 1}', '', "unexpected '1'"],
    ['5', '', 'non-iterable'],
    ['{"a":"b"}', '/a', 'non-iterable'],
    ['{"a":[1]}', '/b', "ItemsPointer '/b' does not lead"],
    ['[[1]]', '/1', "ItemsPointer '/1' does not lead"],
    [`[${'['.repeat(200_000)}${']'.repeat(200_000)}]`, '', 'nested too deeply'],
  ])('is refused: case %$', async (content, ItemsPointer, cause) => {
    expect(await faultOf(content, { ...json, ItemsPointer })).toContain(cause)
  })
})

describe('JSON Lines', () => {
  it('has an item a line', async () => {
    const { result } = await itemsOf('{"a":1}\r\n\n"x"\n[2]', { InputType: 'JSONL' })
    expect(result).toEqual([{ a: 1 }, 'x', [2]])
  })

  it('is refused where a line is no JSON', async () => {
    const cause = await faultOf('{"a":1}\n{"a":\n', { InputType: 'JSONL' })
    expect(cause).toContain('line 2 of the JSON Lines file')
  })

  it('is unpacked where its key ends in .gz', async () => {
    const Key = 'k.jsonl.gz'
    const run = (content: Uint8Array) =>
      runMap(
        distributed(undefined, {
          ItemReader: reader({ InputType: 'JSONL' }, { Bucket: 'b', Key }),
        }),
        {
          objects: objectsOf({ [`b/${Key}`]: [content] as unknown as Uint8Array }),
        },
      )
    expect((await run(gzipSync('1\n2\n'))).result).toEqual([1, 2])
    expect((await run(Buffer.from('1\n2\n'))).description).toMatchObject({
      error: 'States.ItemReaderFailed',
      cause: 'incorrect header check',
    })
  })
})

describe('listings and manifests', () => {
  const list = (
    ReaderConfig: Fields,
    Arguments: Fields = { Bucket: 'b', Prefix: 'in/' },
  ): Fields => ({
    Resource: 'arn:aws:states:::s3:listObjectsV2',
    ...(Object.keys(ReaderConfig).length === 0 ? {} : { ReaderConfig }),
    Arguments,
  })
  const objects = objectsOf({
    'b/in/2.csv': 'a\n3\n',
    'b/in/1.csv': 'a\n1\n2\n',
    'b/other': 'x',
  })

  it('have the objects of a listing', async () => {
    const { result } = await runMap(
      distributed(undefined, {
        ItemReader: list({}),
        ItemSelector: '{% $states.context.Map.Item %}',
      }),
      { objects },
    )
    const item = { Etag: '"e"', LastModified: 1_668_699_881, StorageClass: 'STANDARD' }
    expect(result).toEqual([
      { Index: 0, Value: { ...item, Key: 'in/1.csv', Size: 6 }, Source: 'S3://b' },
      { Index: 1, Value: { ...item, Key: 'in/2.csv', Size: 4 }, Source: 'S3://b' },
    ])
    const all = await runMap(distributed(undefined, { ItemReader: list({}, { Bucket: 'b' }) }), {
      objects,
    })
    expect(all.result).toHaveLength(3)
  })

  it('have what is in the objects of a listing', async () => {
    const config = { ...csv, Transformation: 'LOAD_AND_FLATTEN' }
    const { result } = await runMap(
      distributed(undefined, {
        ItemReader: list(config),
        ItemSelector: '{% [$states.context.Map.Item.Value.a, $states.context.Map.Item.Source] %}',
      }),
      { objects },
    )
    expect(result).toEqual([
      ['1', 'S3://b/in/1.csv'],
      ['2', 'S3://b/in/1.csv'],
      ['3', 'S3://b/in/2.csv'],
    ])
  })

  it('have the rows of an inventory', async () => {
    const inventory = {
      sourceBucket: 'src',
      destinationBucket: 'arn:aws:s3:::inv',
      fileFormat: 'CSV',
      fileSchema: 'Bucket, Key, Size',
      files: [{ key: 'data/1.csv.gz' }, { key: 'data/2.csv' }],
    }
    const contents = {
      'b/k': JSON.stringify(inventory),
      'inv/data/1.csv.gz': gzipSync('"src","a b","1"\n"src","c","2"\n'),
      'inv/data/2.csv': '"src","d","3"\n',
    }
    const ItemReader = reader({ InputType: 'MANIFEST' })
    const run = (changed: object) =>
      runMap(distributed(undefined, { ItemReader }), {
        objects: objectsOf({ ...contents, ...changed }),
      })
    expect((await run({})).result).toEqual([
      { Bucket: 'src', Key: 'a b', Size: '1' },
      { Bucket: 'src', Key: 'c', Size: '2' },
      { Bucket: 'src', Key: 'd', Size: '3' },
    ])
    for (const [content, cause] of [
      ['[]', 'not the manifest of an S3 inventory'],
      ['{', 'not the manifest of an S3 inventory'],
      [JSON.stringify({ ...inventory, fileFormat: 'ORC' }), 'files of the format ORC; only CSV'],
      [JSON.stringify({ ...inventory, files: [{}] }), 'has no key'],
      [JSON.stringify({ ...inventory, files: [{ key: 'no' }] }), 'inv/no does not exist'],
    ] as const) {
      const { description } = await run({ 'b/k': content })
      expect(description.error).toBe('States.ItemReaderFailed')
      expect(description.cause).toContain(cause)
    }
  })

  it('have the rows of the files of Athena', async () => {
    const athena = objectsOf({
      'b/k': 's3://x/1.jsonl\n"s3://x/2.jsonl"\n',
      'x/1.jsonl': '{"a":1}\n',
      'x/2.jsonl': '{"a":2}\n',
    })
    const ItemReader = reader({ InputType: 'JSONL', ManifestType: 'ATHENA_DATA' })
    const { result } = await runMap(distributed(undefined, { ItemReader }), { objects: athena })
    expect(result).toEqual([{ a: 1 }, { a: 2 }])
    const wrong = await runMap(distributed(undefined, { ItemReader }), {
      objects: objectsOf({ 'b/k': 'file:///etc/passwd\n' }),
    })
    expect(wrong.description.cause).toContain('is not one of Athena')
  })
})

describe('ItemReader', () => {
  it('evaluates its fields, and reads the version that is asked for', async () => {
    const objects = objectsOf({ 'b/k': '[1,2,3]' })
    const { result } = await runMap(
      distributed(undefined, {
        ItemReader: reader(
          { ...json, MaxItems: '{% $states.input.most %}' },
          { Bucket: '{% $states.input.bucket %}', Key: 'k', VersionId: 'v1' },
        ),
      }),
      { objects, input: { bucket: 'b', most: 2 } },
    )
    expect(result).toEqual([1, 2])
    expect(objects.reads).toEqual(['b/k@v1'])
  })

  it('takes Parameters and paths of JSONPath', async () => {
    const ItemReader = {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'JSON', MaxItemsPath: '$.most' },
      Parameters: { 'Bucket.$': '$.bucket', Key: 'k' },
    }
    const { result } = await runMap(
      machine({ M: distributed(undefined, { ItemReader }) }, { QueryLanguage: 'JSONPath' }),
      { objects: objectsOf({ 'b/k': '[1,2,3]' }), input: { bucket: 'b', most: '2' } },
    )
    expect(result).toEqual([1, 2])
  })

  it('fails for an object that is missing, arguments that are wrong, and an engine without objects', async () => {
    const missing = await runMap(distributed(undefined, { ItemReader: reader(json) }), {
      objects: objectsOf({}),
    })
    expect(missing.description).toMatchObject({
      error: 'States.ItemReaderFailed',
      cause: 'The object b/k does not exist.',
    })
    const wrong = await runMap(
      distributed(undefined, { ItemReader: reader(json, { Bucket: 'b', Key: 7 }) }),
      { objects: objectsOf({}) },
    )
    expect(wrong.description.error).toBe('States.QueryEvaluationError')
    const none = await runMap(distributed(undefined, { ItemReader: reader(json) }))
    expect(none.description).toMatchObject({ error: 'States.ItemReaderFailed' })
  })

  it('is caught and retried as any error', async () => {
    const contents: Record<string, string> = {}
    const objects = objectsOf(contents)
    const read = objects.read.bind(objects)
    let reads = 0
    const { result } = await runMap(
      distributed(undefined, {
        ItemReader: reader(json),
        Retry: [{ ErrorEquals: ['States.ItemReaderFailed'] }],
      }),
      {
        objects: {
          ...objects,
          read(...place) {
            if (++reads === 2) contents['b/k'] = '[1]'
            return read(...place)
          },
        },
      },
    )
    expect(result).toEqual([1])
  })

  // A million of them in map-rows.crash.ts.
  it('reads more rows than it has in memory', () => mapInFlatMemory(200_000))
})

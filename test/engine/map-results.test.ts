import { describe, expect, it } from 'vitest'
import { distributed, objectsOf, pass, runMap } from './map-support.ts'
import type { Fields } from './support.ts'

const destination = {
  Resource: 'arn:aws:states:::s3:putObject',
  Arguments: { Bucket: 'out', Prefix: 'jobs' },
}
/** Fails for 'bad'. */
const processor = {
  C: {
    Type: 'Choice',
    Choices: [{ Condition: "{% $states.input = 'bad' %}", Next: 'F' }],
    Default: 'P',
  },
  F: { Type: 'Fail', Error: 'E', Cause: 'c' },
  P: pass({ Output: '{% [$states.input, 0] %}' }),
}

async function written(ResultWriter: Fields, fields: Fields = {}, input: unknown = [1, 'bad', 2]) {
  const objects = objectsOf({})
  const ran = await runMap(
    distributed(processor, {
      ResultWriter,
      ToleratedFailureCount: 1,
      MaxConcurrency: 1,
      ...fields,
    }),
    { objects, input },
  )
  const { mapRunArn } = await ran.mapRun()
  const folder = `jobs/${mapRunArn.split(':').at(-1)!}`
  const file = (name: string) => objects.written.get(`out/${folder}/${name}`)
  return { ...ran, objects, mapRunArn, folder, file }
}

describe('ResultWriter', () => {
  it('writes the child executions by their status, and a manifest', async () => {
    const { result, mapRunArn, mapRun, folder, file, objects } = await written(destination)
    const Key = `${folder}/manifest.json`
    expect(result).toEqual({ MapRunArn: mapRunArn, ResultWriterDetails: { Bucket: 'out', Key } })
    const sizeOf = (name: string) => ({ Key: `${folder}/${name}`, Size: file(name)!.length })
    expect(JSON.parse(file('manifest.json')!)).toEqual({
      DestinationBucket: 'out',
      MapRunArn: mapRunArn,
      ResultFiles: {
        FAILED: [sizeOf('FAILED_0.json')],
        PENDING: [],
        SUCCEEDED: [sizeOf('SUCCEEDED_0.json')],
      },
    })
    expect([...objects.written.keys()]).toHaveLength(3)
    const succeeded = JSON.parse(file('SUCCEEDED_0.json')!) as Fields[]
    expect(succeeded.map(({ Input, Output }) => [Input, Output])).toEqual([
      ['1', '[1,0]'],
      ['2', '[2,0]'],
    ])
    expect(Object.keys(succeeded[0]!)).toEqual([
      'ExecutionArn',
      'Input',
      'InputDetails',
      'Name',
      'Output',
      'OutputDetails',
      'RedriveCount',
      'RedriveStatus',
      'RedriveStatusReason',
      'StartDate',
      'StateMachineArn',
      'Status',
      'StopDate',
    ])
    expect(succeeded[0]).toMatchObject({
      ExecutionArn: `arn:aws:states:us-east-1:000000000000:execution:machine/Each:${String(succeeded[0]!['Name'])}`,
      InputDetails: { Included: true },
      StartDate: '2024-01-01T00:00:00.000Z',
      StateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:machine/Each',
      Status: 'SUCCEEDED',
    })
    const failed = JSON.parse(file('FAILED_0.json')!) as Fields[]
    expect(failed).toMatchObject([{ Input: '"bad"', Status: 'FAILED', Error: 'E', Cause: 'c' }])
    expect((await mapRun()).itemCounts.resultsWritten).toBe(3)
  })

  it.each([
    [{ Transformation: 'COMPACT' }, 'SUCCEEDED_0.json', '[[1,0],[2,0]]'],
    [{ Transformation: 'FLATTEN' }, 'SUCCEEDED_0.json', '[1,0,2,0]'],
    [{ Transformation: 'COMPACT', OutputType: 'JSONL' }, 'SUCCEEDED_0.jsonl', '[1,0]\n[2,0]\n'],
  ])('writes outputs as %j says', async (WriterConfig, name, text) => {
    const { file } = await written({ ...destination, WriterConfig })
    expect(file(name)).toBe(text)
    const failed = file(name.replace('SUCCEEDED', 'FAILED'))!
    expect(failed).toContain('"Status":"FAILED"')
  })

  it('writes what was never started, too, when the map run fails', async () => {
    const { description, file, engine, mapRun } = await written(
      destination,
      { ToleratedFailureCount: 0 },
      [1, 'bad', 'later', 'last'],
    )
    expect(description.error).toBe('States.ExceedToleratedFailureThreshold')
    expect((await mapRun()).itemCounts).toMatchObject({ succeeded: 1, failed: 1, pending: 2 })
    const pending = JSON.parse(file('PENDING_0.json')!) as Fields[]
    expect(pending).toMatchObject([
      { Input: '"later"', Status: 'PENDING' },
      { Input: '"last"', Status: 'PENDING' },
    ])
    // They get these very names when the run is redriven.
    await engine.redriveExecution({ executionArn: description.executionArn })
    await engine.waitFor(description.executionArn)
    const again = JSON.parse(file('PENDING_0.json')!) as Fields[]
    expect(again).toEqual(pending)
  })

  it('formats the result without writing it where there is no Resource', async () => {
    const flat = await written({ WriterConfig: { Transformation: 'FLATTEN' } }, {}, [1, 2])
    expect(flat.result).toEqual([1, 0, 2, 0])
    const single = pass({ Output: '{% $states.input %}' })
    const mixed = await written(
      { WriterConfig: { Transformation: 'FLATTEN' } },
      { ItemProcessor: distributed({ S: single })['ItemProcessor'] },
      [[1, [2]], 3, { a: 4 }, []],
    )
    expect(mixed.result).toEqual([1, [2], 3, { a: 4 }])
    const whole = await written({ WriterConfig: { Transformation: 'NONE' } }, {}, [1])
    expect(whole.result).toMatchObject([{ Input: '1', Output: '[1,0]', Status: 'SUCCEEDED' }])
    expect(whole.objects.written.size).toBe(0)
  })

  it('takes a result that is larger than state data', async () => {
    const large = pass({ Output: 'x'.repeat(200_000) })
    const { description } = await written(
      { ...destination, WriterConfig: { Transformation: 'COMPACT' } },
      { ItemProcessor: distributed({ L: large })['ItemProcessor'] },
    )
    expect(description.status).toBe('SUCCEEDED')
  })

  it('begins another file after 16 MiB', async () => {
    const input = Array.from({ length: 100 }, (_, i) => i)
    const large = pass({ Output: 'x'.repeat(200_000) })
    const { file } = await written(
      { ...destination, WriterConfig: { Transformation: 'COMPACT' } },
      { ItemProcessor: distributed({ L: large }, {}, 'EXPRESS')['ItemProcessor'] },
      input,
    )
    const parts = [0, 1].map((n) => (JSON.parse(file(`SUCCEEDED_${n}.json`)!) as string[]).length)
    expect(parts[0]! + parts[1]!).toBe(100)
    expect(file('SUCCEEDED_2.json')).toBeUndefined()
  })

  it('fails the map run when it cannot write', async () => {
    const objects = {
      ...objectsOf({}),
      write: () => Promise.reject(new Error('The specified bucket does not exist.')),
    }
    const { description, types } = await runMap(
      distributed(processor, { ResultWriter: destination }),
      { objects, input: [1] },
    )
    expect(description).toMatchObject({
      status: 'FAILED',
      error: 'States.ResultWriterFailed',
      cause: 'The specified bucket does not exist.',
    })
    expect((await types()).slice(4)).toEqual(['MapRunFailed', 'MapStateFailed', 'ExecutionFailed'])
  })
})

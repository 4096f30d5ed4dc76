import { describe, expect, it } from 'vitest'
import {
  combineTasks,
  lambdaInvoke,
  serviceTasks,
  type Tasks,
  virtualClock,
} from '../../engine/index.ts'
import { open } from './open.ts'
import { type Fields, machine } from './support.ts'

async function runTask(resource: string, args: unknown, tasks: Tasks, rest: Fields = {}) {
  const engine = await open({ clock: virtualClock(), tasks })
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'm',
    definition: machine({
      T: {
        Type: 'Task',
        Resource: `arn:aws:states:::${resource}`,
        Arguments: args,
        End: true,
        ...rest,
      },
    }),
  })
  const { executionArn } = await engine.startExecution({ stateMachineArn, name: 'x' })
  const { output, error, cause } = await engine.waitFor(executionArn)
  const result = output === undefined ? undefined : (JSON.parse(output) as Fields)
  return { engine, stateMachineArn, executionArn, result, error, cause }
}

const metadata = {
  SdkHttpMetadata: {
    AllHttpHeaders: expect.any(Object) as object,
    HttpHeaders: expect.objectContaining({
      'Content-Type': 'application/x-amz-json-1.0',
    }) as object,
    HttpStatusCode: 200,
  },
  SdkResponseMetadata: { RequestId: expect.any(String) as string },
}

describe('serviceTasks', () => {
  it.each([
    [
      'sqs:sendMessage',
      { QueueUrl: 'q', MessageBody: 'hello' },
      undefined,
      {
        MD5OfMessageBody: '5d41402abc4b2a76b9719d911017c592',
        MessageId: expect.any(String) as string,
      },
    ],
    ['sns:publish', { Message: 'hello' }, { MessageId: '1' }, { MessageId: '1' }],
    ['dynamodb:getItem', { Key: {} }, { Item: { id: { S: 'a' } } }, { Item: { id: { S: 'a' } } }],
    ['dynamodb:putItem', { Item: {} }, undefined, {}],
    [
      'events:putEvents',
      { Entries: [{}, {}] },
      undefined,
      {
        Entries: [
          { EventId: expect.any(String) as string },
          { EventId: expect.any(String) as string },
        ],
        FailedEntryCount: 0,
      },
    ],
  ])('gives %s the envelope of the service', async (name, args, answer, expected) => {
    const { result } = await runTask(name, args, serviceTasks({ [name]: () => answer }))
    expect(result).toEqual({ ...expected, ...metadata })
    expect(Object.keys(result!)).toEqual(Object.keys(result!).sort())
  })

  it.each(['aws-sdk:s3:listBuckets', 'glue:startJobRun'])('gives %s none', async (name) => {
    const pattern = name.startsWith('glue') ? '.sync' : ''
    const { result } = await runTask(name + pattern, {}, serviceTasks({ [name]: () => ({ a: 1 }) }))
    expect(result).toEqual({ a: 1 })
  })

  it('fails putEvents when an entry fails', async () => {
    const answer = { FailedEntryCount: 1, Entries: [{ ErrorCode: 'MalformedDetail' }] }
    const { error, cause } = await runTask(
      'events:putEvents',
      { Entries: [{}] },
      serviceTasks({ 'events:putEvents': () => answer }),
    )
    expect(error).toBe('EventBridge.FailedEntry')
    expect(JSON.parse(cause!)).toEqual({
      Entries: [{ ErrorCode: 'MalformedDetail' }],
      FailedEntryCount: 1,
    })
  })

  it('refuses a name that is no service and action', () => {
    expect(() => serviceTasks({ sqs: () => undefined })).toThrow("'sqs' is no service and action")
    expect(() => serviceTasks({ 'sqs:sendMessage.sync': () => undefined })).toThrow()
  })

  it('combines with others', async () => {
    const tasks = combineTasks(
      lambdaInvoke((name) => (name === 'f' ? () => 'lambda' : undefined)),
      serviceTasks({ 'sqs:sendMessage': () => ({ MessageId: 'm' }) }),
    )
    const { result } = await runTask('lambda:invoke', { FunctionName: 'f' }, tasks)
    expect(result).toMatchObject({ Payload: 'lambda', StatusCode: 200 })
    expect((await runTask('sqs:sendMessage', {}, tasks)).result).toMatchObject({ MessageId: 'm' })
  })
})

describe('aws-sdk:sfn', () => {
  const none: Tasks = () => undefined

  it('does the engine’s operations', async () => {
    const { result } = await runTask('aws-sdk:sfn:listStateMachines', { MaxResults: 5 }, none)
    expect(result).toEqual({
      StateMachines: [
        {
          CreationDate: '2024-01-01T00:00:00.000Z',
          Name: 'm',
          StateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:m',
          Type: 'STANDARD',
        },
      ],
    })
  })

  it('takes JSON where the API takes text', async () => {
    const { engine, result, executionArn } = await runTask(
      'aws-sdk:sfn:startExecution',
      { StateMachineArn: '{% $states.context.StateMachine.Id %}', Name: 'y', Input: { aB: [1] } },
      none,
    )
    const started = executionArn.replace(/x$/, 'y')
    // The one that it starts finds that its name is taken.
    expect(result).toMatchObject({ ExecutionArn: started })
    const child = await engine.waitFor(started)
    expect(child).toMatchObject({ input: '{"aB":[1]}' })
  })

  it.each([
    [
      'sendTaskFailure',
      { TaskToken: 'NoSuchTaskToken' },
      'Sfn.InvalidTokenException',
      'Invalid Token',
    ],
    ['describeExecution', {}, 'Sfn.ValidationException', "Value null at 'executionArn'"],
  ])('fails %s as the service does', async (action, args, error, cause) => {
    const ran = await runTask(`aws-sdk:sfn:${action}`, args, none)
    expect(ran.error).toBe(error)
    expect(ran.cause).toContain(cause)
    expect(ran.cause).toMatch(/\(Service: Sfn, Status Code: 400, Request ID: .*\)$/)
  })

  it('does not do what the engine does not', async () => {
    const { error, cause } = await runTask('aws-sdk:sfn:createActivity', { Name: 'a' }, none)
    expect(error).toBe('States.Runtime')
    expect(cause).toContain('No handler is given')
  })
})

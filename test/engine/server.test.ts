import {
  CreateActivityCommand,
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  GetActivityTaskCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListMapRunsCommand,
  ListStateMachinesCommand,
  ListStateMachineVersionsCommand,
  ListTagsForResourceCommand,
  paginateGetExecutionHistory,
  RedriveExecutionCommand,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNServiceException,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  StopExecutionCommand,
  TagResourceCommand,
  TestStateCommand,
  UntagResourceCommand,
  UpdateMapRunCommand,
  UpdateStateMachineCommand,
  ValidateStateMachineDefinitionCommand,
} from '@aws-sdk/client-sfn'
import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../engine/index.ts'
import { machine, workflow } from './support.ts'
import { roleArn, serve } from './served-engine.ts'

const account = 'arn:aws:states:us-east-1:000000000000'
const pass = machine({ A: { Type: 'Pass', End: true } })
const waits = machine({ W: { Type: 'Wait', Seconds: 60, End: true } })
const callback = machine({
  T: {
    Type: 'Task',
    Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
    Arguments: {},
    HeartbeatSeconds: 50,
    End: true,
  },
})

async function refusal(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(SFNServiceException)
  return error as SFNServiceException
}

describe('the SDK’s client', () => {
  it('creates, describes, lists, updates and deletes state machines', async () => {
    const { client, create } = await serve()
    const stateMachineArn = await create(pass)
    expect(stateMachineArn).toBe(`${account}:stateMachine:m`)
    const found = await client.send(new DescribeStateMachineCommand({ stateMachineArn }))
    expect(found).toMatchObject({
      stateMachineArn,
      name: 'm',
      status: 'ACTIVE',
      definition: pass,
      roleArn,
      type: 'STANDARD',
      creationDate: new Date(1_700_000_000_123),
      loggingConfiguration: { level: 'OFF', includeExecutionData: false },
      tracingConfiguration: { enabled: false },
    })
    expect(found.$metadata).toMatchObject({
      httpStatusCode: 200,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    })
    const { stateMachines } = await client.send(new ListStateMachinesCommand({ maxResults: 5 }))
    expect(stateMachines?.map(({ name }) => name)).toEqual(['m'])
    const { updateDate } = await client.send(
      new UpdateStateMachineCommand({ stateMachineArn, definition: waits }),
    )
    expect(updateDate).toEqual(new Date(1_700_000_000_123))
    await client.send(new DeleteStateMachineCommand({ stateMachineArn }))
    await client.send(new DeleteStateMachineCommand({ stateMachineArn }))
    const error = await refusal(client.send(new DescribeStateMachineCommand({ stateMachineArn })))
    expect(error).toMatchObject({
      name: 'StateMachineDoesNotExist',
      message: `State Machine Does Not Exist: '${stateMachineArn}'`,
      $metadata: { httpStatusCode: 400 },
    })
  })

  it('is told again the configurations that it gave', async () => {
    const { client } = await serve()
    const loggingConfiguration = {
      level: 'ALL',
      includeExecutionData: true,
      destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: 'arn:aws:logs:::log-group:g:*' } }],
    } as const
    const input = {
      name: 'm',
      definition: pass,
      roleArn,
      loggingConfiguration: {
        ...loggingConfiguration,
        destinations: [...loggingConfiguration.destinations],
      },
      tracingConfiguration: { enabled: true },
    }
    const { stateMachineArn } = await client.send(new CreateStateMachineCommand(input))
    expect(await client.send(new DescribeStateMachineCommand({ stateMachineArn }))).toMatchObject({
      loggingConfiguration,
      tracingConfiguration: { enabled: true },
    })
    // The role makes no difference, a configuration does.
    await client.send(new CreateStateMachineCommand({ ...input, roleArn: `${roleArn}2` }))
    const other = { ...input, tracingConfiguration: { enabled: false } }
    expect((await refusal(client.send(new CreateStateMachineCommand(other)))).name).toBe(
      'StateMachineAlreadyExists',
    )
  })

  it('tags state machines', async () => {
    const { client, create } = await serve()
    const resourceArn = await create(pass)
    const tags = [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ]
    await client.send(new TagResourceCommand({ resourceArn, tags }))
    await client.send(new TagResourceCommand({ resourceArn, tags: [{ key: 'a', value: '3' }] }))
    await client.send(new UntagResourceCommand({ resourceArn, tagKeys: ['b', 'c'] }))
    const listed = await client.send(new ListTagsForResourceCommand({ resourceArn }))
    expect(listed.tags).toEqual([{ key: 'a', value: '3' }])
    const many = Array.from({ length: 51 }, (_, i) => ({ key: `k${i}`, value: '' }))
    expect(
      (await refusal(client.send(new TagResourceCommand({ resourceArn, tags: many })))).name,
    ).toBe('TooManyTags')
    const none = { resourceArn: `${account}:stateMachine:none` }
    expect((await refusal(client.send(new ListTagsForResourceCommand(none)))).name).toBe(
      'ResourceNotFound',
    )
  })

  it('validates definitions', async () => {
    const { client } = await serve()
    const validate = (definition: string, rest = {}) =>
      client.send(new ValidateStateMachineDefinitionCommand({ definition, ...rest }))
    expect(await validate(pass)).toMatchObject({ result: 'OK', diagnostics: [], truncated: false })
    const bad = machine({ A: { Type: 'Pass', Next: 'None' }, B: { Type: 'Nope' } })
    const found = await validate(bad)
    expect(found.result).toBe('FAIL')
    expect(found.diagnostics!.length).toBeGreaterThan(1)
    expect(found.diagnostics![0]).toMatchObject({
      severity: 'ERROR',
      code: expect.any(String) as string,
      message: expect.any(String) as string,
      location: expect.stringContaining('/States') as string,
    })
    const first = await validate(bad, { maxResults: 1 })
    expect(first).toMatchObject({ result: 'FAIL', truncated: true })
    expect(first.diagnostics).toHaveLength(1)
    expect(await validate(callback, { type: 'STANDARD' })).toMatchObject({ result: 'OK' })
    expect((await validate(callback, { type: 'EXPRESS' })).diagnostics?.[0]?.message).toBe(
      `Express state machine does not support '.waitForTaskToken' service integration`,
    )
  })

  it('runs, describes, lists, stops and redrives executions', async () => {
    const { client, engine, start } = await serve()
    const { stateMachineArn, executionArn } = await start(waits)
    expect(await client.send(new DescribeExecutionCommand({ executionArn }))).toMatchObject({
      executionArn,
      stateMachineArn,
      name: 'x',
      status: 'RUNNING',
      input: '{}',
      startDate: new Date(1_700_000_000_123),
      redriveStatus: 'NOT_REDRIVABLE',
    })
    const used = await client.send(new DescribeStateMachineForExecutionCommand({ executionArn }))
    expect(used).toMatchObject({ name: 'm', definition: waits, roleArn })
    const { stopDate } = await client.send(
      new StopExecutionCommand({ executionArn, error: 'E', cause: 'c' }),
    )
    expect(stopDate).toEqual(new Date(1_700_000_000_123))
    const { executions } = await client.send(
      new ListExecutionsCommand({ stateMachineArn, statusFilter: 'ABORTED' }),
    )
    expect(executions).toMatchObject([{ executionArn, status: 'ABORTED', redriveCount: 0 }])
    await client.send(new RedriveExecutionCommand({ executionArn }))
    const redriven = await client.send(new DescribeExecutionCommand({ executionArn }))
    expect(redriven).toMatchObject({ status: 'RUNNING', redriveCount: 1 })
    expect(redriven.redriveDate).toEqual(new Date(1_700_000_000_123))
    await engine.stopExecution({ executionArn })
  })

  it('reads histories by pages, in both orders', async () => {
    const { client, engine, start } = await serve()
    const { executionArn } = await start(pass)
    await engine.waitFor(executionArn)
    const types: (string | undefined)[] = []
    for await (const page of paginateGetExecutionHistory(
      { client, pageSize: 3 },
      { executionArn, reverseOrder: true },
    )) {
      types.push(...page.events!.map(({ type }) => type))
    }
    expect(types).toEqual([
      'ExecutionSucceeded',
      'PassStateExited',
      'PassStateEntered',
      'ExecutionStarted',
    ])
    const { events } = await client.send(
      new GetExecutionHistoryCommand({ executionArn, includeExecutionData: false }),
    )
    expect(events?.[0]).toMatchObject({
      id: 1,
      previousEventId: 0,
      timestamp: new Date(1_700_000_000_123),
      executionStartedEventDetails: { roleArn },
    })
    expect(events?.[0]?.executionStartedEventDetails?.input).toBeUndefined()
  })

  it('ends tasks by their tokens', async () => {
    const { client, engine, tokens, start, until } = await serve()
    const { executionArn } = await start(callback)
    await until(executionArn, 'TaskSubmitted')
    const [taskToken] = tokens
    await client.send(new SendTaskHeartbeatCommand({ taskToken }))
    expect(
      (await refusal(client.send(new SendTaskSuccessCommand({ taskToken, output: 'x' })))).name,
    ).toBe('InvalidOutput')
    await client.send(new SendTaskSuccessCommand({ taskToken, output: '{"a":1}' }))
    expect((await engine.waitFor(executionArn)).output).toBe('{"a":1}')
    const late = client.send(new SendTaskFailureCommand({ taskToken, error: 'E', cause: 'c' }))
    expect((await refusal(late)).name).toBe('TaskTimedOut')
    const none = client.send(new SendTaskHeartbeatCommand({ taskToken: 'none' }))
    expect((await refusal(none)).name).toBe('InvalidToken')
  })

  it('describes, lists and updates map runs', async () => {
    const { client, engine, start, until } = await serve({
      clock: virtualClock({ automatic: false, start: 1_700_000_000_123 }),
    })
    const { executionArn } = await start(
      machine({
        M: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: {
            ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
            ...workflow({ W: { Type: 'Wait', Seconds: 9, End: true } }),
          },
          End: true,
        },
      }),
    )
    await until(executionArn, 'MapRunStarted')
    const { mapRuns } = await client.send(new ListMapRunsCommand({ executionArn }))
    const mapRunArn = mapRuns![0]!.mapRunArn!
    await client.send(new UpdateMapRunCommand({ mapRunArn, toleratedFailurePercentage: 12.5 }))
    expect(await client.send(new DescribeMapRunCommand({ mapRunArn }))).toMatchObject({
      executionArn,
      status: 'RUNNING',
      toleratedFailurePercentage: 12.5,
      startDate: new Date(1_700_000_000_123),
    })
    const children = () => client.send(new ListExecutionsCommand({ mapRunArn }))
    await expect.poll(async () => (await children()).executions?.length).toBe(2)
    await engine.stopExecution({ executionArn })
  })

  it('may leave the data out', async () => {
    const { client, start } = await serve()
    const { stateMachineArn, executionArn } = await start(waits)
    const includedData = 'METADATA_ONLY'
    const ran = await client.send(new DescribeExecutionCommand({ executionArn, includedData }))
    expect(ran).toMatchObject({ status: 'RUNNING' })
    expect(ran.input).toBeUndefined()
    for (const command of [
      new DescribeStateMachineForExecutionCommand({ executionArn, includedData }),
      new DescribeStateMachineCommand({ stateMachineArn, includedData }),
    ]) {
      expect((await client.send(command as DescribeStateMachineCommand)).definition).toBe('{}')
    }
  })

  it('tests states', async () => {
    const { client } = await serve()
    const definition = JSON.stringify({
      Type: 'Task',
      Resource: 'arn:aws:states:::sqs:sendMessage',
      Retry: [{ ErrorEquals: ['Busy'], IntervalSeconds: 4 }],
      Next: 'N',
    })
    const tested = await client.send(
      new TestStateCommand({ definition, roleArn, input: '{}', mock: { result: '{"a":1}' } }),
    )
    expect(tested).toMatchObject({ status: 'SUCCEEDED', output: '{"a":1}', nextState: 'N' })
    const busy = new TestStateCommand({
      definition,
      roleArn,
      inspectionLevel: 'DEBUG',
      mock: { errorOutput: { error: 'Busy' } },
    })
    expect(await client.send(busy)).toMatchObject({
      status: 'RETRIABLE',
      inspectionData: { errorDetails: { retryIndex: 0, retryBackoffIntervalSeconds: 4 } },
    })
  })

  it('runs Express executions, when it puts no prefix before the host', async () => {
    const { client } = await serve()
    const { stateMachineArn } = await client.send(
      new CreateStateMachineCommand({ name: 'e', definition: pass, roleArn, type: 'EXPRESS' }),
    )
    const ran = await client.send(
      new StartSyncExecutionCommand({ stateMachineArn, input: '{"a":1}' }),
    )
    expect(ran).toMatchObject({ status: 'SUCCEEDED', output: '{"a":1}' })
    expect(ran.billingDetails).toBeDefined()
  })

  it('is told what is wrong with its requests, as the service tells it', async () => {
    const { client, create } = await serve()
    const definition = '{"StartAt":"A","States":{}}'
    const invalid = await refusal(
      client.send(new CreateStateMachineCommand({ name: 'n', definition, roleArn })),
    )
    expect(invalid.name).toBe('InvalidDefinition')
    expect(invalid.message).toMatch(/^Invalid State Machine Definition: '/)
    const long = new StartExecutionCommand({
      stateMachineArn: await create(pass),
      name: 'n'.repeat(81),
    })
    expect(await refusal(client.send(long))).toMatchObject({
      name: 'ValidationException',
      message: `1 validation error detected: Value '${'n'.repeat(81)}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80`,
    })
    const empty = new StartExecutionCommand({ stateMachineArn: undefined })
    expect((await refusal(client.send(empty))).message).toBe(
      `1 validation error detected: Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null`,
    )
    expect((await refusal(client.send(new ListExecutionsCommand({})))).message).toBe(
      'Must provide a StateMachine ARN or a MapRun ARN',
    )
    const filter = new ListExecutionsCommand({
      statusFilter: 'GOING' as 'RUNNING',
      maxResults: 2000,
    })
    expect((await refusal(client.send(filter))).message).toMatch(
      /^2 validation errors detected: Value 'GOING' at 'statusFilter' .*enum value set: \[RUNNING, .*\]; Value '2000' at 'maxResults' .*less than or equal to 1000$/,
    )
  })

  it('is told of what the engine has not', async () => {
    const { client, create } = await serve()
    const stateMachineArn = await create(pass)
    for (const [name, sent] of [
      ['CreateActivity', client.send(new CreateActivityCommand({ name: 'a' }))],
      ['GetActivityTask', client.send(new GetActivityTaskCommand({ activityArn: 'arn:a' }))],
      [
        'ListStateMachineVersions',
        client.send(new ListStateMachineVersionsCommand({ stateMachineArn })),
      ],
    ] as const) {
      expect(await refusal(sent)).toMatchObject({
        name: 'UnknownOperationException',
        message: `The operation ${name} is not supported by this engine`,
      })
    }
    const published = { name: 'p', definition: pass, roleArn, publish: true }
    expect(await refusal(client.send(new CreateStateMachineCommand(published)))).toMatchObject({
      name: 'ValidationException',
      message: 'publish: this engine has no versions of state machines; leave it out',
    })
  })
})

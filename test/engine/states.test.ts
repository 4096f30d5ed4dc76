import { describe, expect, it } from 'vitest'
import { virtualClock } from '../../engine/index.ts'
import { details, functionsOf, invoke, linkage, machine, run, workflow } from './support.ts'

describe('Pass', () => {
  it('gives its input on', async () => {
    const ran = await run(machine({ A: { Type: 'Pass', End: true } }), { input: { a: [1, null] } })
    expect(ran.status).toBe('SUCCEEDED')
    expect(ran.output).toBe('{"a":[1,null]}')
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 PassStateEntered',
      '3<2 PassStateExited',
      '4<3 ExecutionSucceeded',
    ])
    expect(details(ran.events[0])).toEqual({
      input: '{"a":[1,null]}',
      inputDetails: { truncated: false },
      roleArn: 'arn:aws:iam::000000000000:role/machine',
    })
    expect(details(ran.events[1])).toEqual({
      name: 'A',
      input: '{"a":[1,null]}',
      inputDetails: { truncated: false },
    })
    expect(details(ran.events[3])).toEqual({
      output: '{"a":[1,null]}',
      outputDetails: { truncated: false },
    })
  })

  it('makes an output and assigns variables, both of the values before', async () => {
    const ran = await run(
      machine({
        A: { Type: 'Pass', Assign: { x: 1, y: [2, '{% $states.input.b %}'] }, Next: 'B' },
        B: {
          Type: 'Pass',
          Assign: { x: '{% $x + 1 %}', old: '{% $x %}' },
          Output: { x: '{% $x %}', text: 'is {% not %} an expression' },
          Next: 'C',
        },
        C: { Type: 'Pass', Output: '{% [$x, $old, $y] %}', End: true },
      }),
      { input: { b: 3 } },
    )
    expect(ran.result).toEqual([2, 1, 2, 3])
    expect(details(ran.events[2])).toMatchObject({
      name: 'A',
      assignedVariables: { x: '1', y: '[2,3]' },
      assignedVariablesDetails: { truncated: false },
    })
    expect(details(ran.events[4])).toMatchObject({
      output: '{"x":1,"text":"is {% not %} an expression"}',
    })
  })
})

describe('Task', () => {
  const definition = machine({ T: invoke('double', { TimeoutSeconds: 60, End: true }) })
  const double = (input: unknown) => (input as number) * 2

  it('invokes a function and has the events of a service integration', async () => {
    const ran = await run(definition, { input: 21, functions: { double } })
    expect(ran.result).toBe(42)
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 TaskStateEntered',
      '3<2 TaskScheduled',
      '4<3 TaskStarted',
      '5<4 TaskSucceeded',
      '6<5 TaskStateExited',
      '7<6 ExecutionSucceeded',
    ])
    const resource = { resourceType: 'lambda', resource: 'invoke' }
    expect(details(ran.events[2])).toEqual({
      ...resource,
      region: 'us-east-1',
      parameters: '{"FunctionName":"double","Payload":21}',
      timeoutInSeconds: 60,
    })
    expect(details(ran.events[3])).toEqual(resource)
    const succeeded = details(ran.events[4])
    expect(succeeded).toMatchObject({ ...resource, outputDetails: { truncated: false } })
    expect(JSON.parse(String(succeeded['output']))).toMatchObject({
      ExecutedVersion: '$LATEST',
      Payload: 42,
      SdkHttpMetadata: { HttpStatusCode: 200, HttpHeaders: { 'Content-Length': '2' } },
      SdkResponseMetadata: { RequestId: expect.any(String) as string },
      StatusCode: 200,
    })
  })

  it("has the events of Lambda when its Resource is a function's ARN", async () => {
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:double'
    const ran = await run(machine({ T: { Type: 'Task', Resource: arn, End: true } }), {
      input: 4,
      functions: { [arn]: double },
    })
    expect(ran.result).toBe(8)
    expect(ran.types.slice(2, 5)).toEqual([
      'LambdaFunctionScheduled',
      'LambdaFunctionStarted',
      'LambdaFunctionSucceeded',
    ])
    expect(details(ran.events[2])).toEqual({
      resource: arn,
      input: '4',
      inputDetails: { truncated: false },
    })
  })

  it('tells the handler what it is called for', async () => {
    let told: unknown
    await run(machine({ T: invoke('look', { End: true }) }), {
      functions: {
        look: (_, { signal, heartbeat, taskToken, ...rest }) => {
          heartbeat()
          told = { aborted: signal.aborted, token: typeof taskToken, ...rest }
        },
      },
    })
    expect(told).toMatchObject({
      aborted: false,
      token: 'string',
      state: 'T',
      attempt: 1,
      execution: { stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:machine' },
    })
  })

  it('takes what a handler answers as JSON', async () => {
    const answers: [unknown, unknown][] = [
      [undefined, null],
      [Number.NaN, null],
      [new Date(0), '1970-01-01T00:00:00.000Z'],
      [new Map([[1, 2]]), {}],
      [
        [undefined, { a: undefined }],
        [null, {}],
      ],
    ]
    for (const [answer, result] of answers) {
      const definition = machine({ T: { Type: 'Task', Resource: 'arn:aws:x:::y', End: true } })
      const ran = await run(definition, { tasks: () => () => answer })
      expect(ran.result).toEqual(result)
    }
  })

  it('fails when the answer is no JSON, or when no one does the resource', async () => {
    const definition = machine({ T: { Type: 'Task', Resource: 'arn:aws:x:::y', End: true } })
    const ran = await run(definition, { tasks: () => () => 1n })
    expect(ran).toMatchObject({ status: 'FAILED', error: 'TypeError' })
    const without = await run(definition, { tasks: () => undefined })
    expect(without).toMatchObject({ status: 'FAILED', error: 'States.Runtime' })
    expect(without.cause).toContain('arn:aws:x:::y')
  })

  it("does not let a handler change the execution's data", async () => {
    const ran = await run(
      machine({
        T: { Type: 'Task', Resource: 'arn:aws:x:::y', Output: '{% $states.input %}', End: true },
      }),
      {
        input: { a: [1] },
        tasks: () => (input) => {
          ;(input as { a: number[] }).a.push(2)
        },
      },
    )
    expect(ran.result).toEqual({ a: [1] })
  })
})

describe('Choice', () => {
  const definition = machine({
    C: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $states.input > 10 %}', Next: 'Big', Assign: { rule: 'first' } },
        { Condition: '{% $states.input > 5 %}', Next: 'Big', Output: '{% $states.input * 2 %}' },
      ],
      Default: 'Small',
      Assign: { rule: 'default' },
      Output: 'small',
    },
    Big: { Type: 'Pass', Output: "{% [$states.input, $exists($rule) ? $rule : ''] %}", End: true },
    Small: { Type: 'Pass', Output: '{% [$states.input, $rule] %}', End: true },
  })

  it.each([
    [11, [11, 'first']],
    [6, [12, '']],
    [1, ['small', 'default']],
  ])('takes the first condition that holds: %j', async (input, result) => {
    const ran = await run(definition, { input })
    expect(ran.result).toEqual(result)
    expect(ran.types.slice(1, 3)).toEqual(['ChoiceStateEntered', 'ChoiceStateExited'])
  })

  it('fails when none holds and there is no default', async () => {
    const ran = await run(
      machine({
        C: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'E' }] },
        E: { Type: 'Succeed' },
      }),
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.Runtime' })
    expect(ran.cause).toContain('Failed to transition out of the state.')
    expect(ran.types).toEqual(['ExecutionStarted', 'ChoiceStateEntered', 'ExecutionFailed'])
  })

  it('takes only booleans for conditions', async () => {
    const ran = await run(
      machine({
        C: { Type: 'Choice', Choices: [{ Condition: '{% 1 %}', Next: 'E' }], Default: 'E' },
        E: { Type: 'Succeed' },
      }),
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' })
    expect(ran.cause).toContain("Expected 'boolean', but was 'number' for value: 1")
  })
})

describe('Wait', () => {
  const start = Date.UTC(2024, 0, 1)
  const lasted = async (fields: Record<string, unknown>, input: unknown = {}) => {
    const ran = await run(machine({ W: { Type: 'Wait', ...fields, End: true } }), {
      input,
      clock: virtualClock({ start }),
    })
    return ran.status === 'SUCCEEDED' ? ran.stopDate!.getTime() - start : `${ran.error}`
  }

  it('ends after its seconds', async () => {
    expect(await lasted({ Seconds: 10 })).toBe(10_000)
    expect(await lasted({ Seconds: '{% $states.input.s * 2 %}' }, { s: 7 })).toBe(14_000)
    expect(await lasted({ Seconds: 0 })).toBe(0)
  })

  it('ends at its time, or at once when that has passed', async () => {
    expect(await lasted({ Timestamp: '2024-01-01T01:00:00+00:30' })).toBe(1_800_000)
    expect(await lasted({ Timestamp: '2020-01-01T00:00:00Z' })).toBe(0)
    expect(await lasted({ Timestamp: '{% $states.input %}' }, '2024-01-01T00:00:01.250999Z')).toBe(
      1250,
    )
  })

  it('fails for what is no number of seconds and no time', async () => {
    for (const input of [-1, 1.5, '5', null, 1e12]) {
      expect(await lasted({ Seconds: '{% $states.input %}' }, input)).toBe(
        'States.QueryEvaluationError',
      )
    }
    for (const input of ['2024-02-30T00:00:00Z', '2024-01-01', '2024-01-01T00:00:00', 3]) {
      expect(await lasted({ Timestamp: '{% $states.input %}' }, input)).toBe(
        'States.QueryEvaluationError',
      )
    }
  })

  it('has its events', async () => {
    const ran = await run(machine({ W: { Type: 'Wait', Seconds: 5, End: true } }))
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 WaitStateEntered',
      '3<2 WaitStateExited',
      '4<3 ExecutionSucceeded',
    ])
  })

  it('passes a year in no time, and in order', async () => {
    const order: string[] = []
    const branch = (name: string, days: number) =>
      workflow({
        [`Wait ${name}`]: { Type: 'Wait', Seconds: days * 86_400, Next: `Say ${name}` },
        [`Say ${name}`]: invoke('say', {
          Arguments: { FunctionName: 'say', Payload: name },
          End: true,
        }),
      })
    const ran = await run(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [branch('last', 365), branch('first', 1), branch('second', 30)],
          End: true,
        },
      }),
      { functions: { say: (name) => order.push(JSON.stringify(name)) } },
    )
    expect(ran.status).toBe('SUCCEEDED')
    expect(order).toEqual(['"first"', '"second"', '"last"'])
    expect(ran.stopDate!.getTime() - ran.startDate.getTime()).toBe(365 * 86_400_000)
  })
})

describe('Succeed and Fail', () => {
  it('succeeds with its output', async () => {
    const ran = await run(machine({ S: { Type: 'Succeed', Output: '{% $states.input.a %}' } }), {
      input: { a: 1 },
    })
    expect(ran.result).toBe(1)
    expect(ran.types).toEqual([
      'ExecutionStarted',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ])
  })

  it('fails with its Error and Cause', async () => {
    const ran = await run(
      machine({ F: { Type: 'Fail', Error: "{% 'E' & $states.input %}", Cause: 'why' } }),
      { input: 7 },
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'E7', cause: 'why', result: undefined })
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 FailStateEntered',
      '3<2 ExecutionFailed',
    ])
    expect(details(ran.events[2])).toEqual({ error: 'E7', cause: 'why' })
    const bare = await run(machine({ F: { Type: 'Fail' } }))
    expect(bare.status).toBe('FAILED')
    expect(details(bare.events[2])).toEqual({})
  })
})

describe('the Context object', () => {
  it('names the execution, the state and the state machine', async () => {
    const ran = await run(
      machine({
        T: {
          Type: 'Task',
          Resource: 'arn:aws:x:::y',
          Arguments: '{% $states.context %}',
          End: true,
        },
      }),
      { input: { a: 1 }, tasks: () => (input) => input },
    )
    expect(ran.result).toEqual({
      Execution: {
        Id: ran.executionArn,
        Input: { a: 1 },
        Name: ran.name,
        RoleArn: 'arn:aws:iam::000000000000:role/machine',
        StartTime: '2024-01-01T00:00:00.000Z',
        RedriveCount: 0,
      },
      State: { Name: 'T', EnteredTime: '2024-01-01T00:00:00.000Z', RetryCount: 0 },
      StateMachine: { Id: ran.stateMachineArn, Name: 'machine' },
    })
  })
})

describe('lambdaInvoke', () => {
  it('fails the task for a name without a function', async () => {
    const ran = await run(machine({ T: invoke('nobody', { End: true }) }), {
      tasks: functionsOf({}),
    })
    expect(ran).toMatchObject({
      status: 'FAILED',
      error: 'Lambda.ResourceNotFoundException',
      cause: 'Function not found: nobody',
    })
  })
})

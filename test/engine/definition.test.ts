import { describe, expect, it } from 'vitest'
import { type Diagnostic, EngineError, openEngine, substitute } from '../../engine/index.ts'
import { type Fields, machine, workflow } from './support.ts'

/** The faults of a definition, as `CODE location message`; none when it is accepted. */
async function faultsOf(definition: string): Promise<string[]> {
  const engine = await openEngine({ tasks: () => undefined })
  try {
    await engine.createStateMachine({ name: 'm', definition })
    return []
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    expect(error.name).toBe('InvalidDefinition')
    const { diagnostics } = error.details as { diagnostics: Diagnostic[] }
    for (const { message } of diagnostics) expect(error.message).toContain(message)
    return diagnostics.map(({ code, location, message }) => `${code} ${location} ${message}`)
  } finally {
    await engine.close()
  }
}

const end = { End: true }
const pass = { Type: 'Pass', ...end }
const task = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', ...end }
const retry = (fields: Fields) => ({ ...task, Retry: [{ ErrorEquals: ['E'], ...fields }] })

const faulty: [string, string, string][] = [
  ['no JSON', '{', 'INVALID_JSON_DESCRIPTION'],
  ['no object', '[]', 'SCHEMA_VALIDATION_FAILED  Expected an object'],
  [
    'no query language',
    JSON.stringify({ StartAt: 'A', States: { A: pass } }),
    'NOT_SUPPORTED  JSONPath',
  ],
  ['JSONPath', machine({ A: pass }, { QueryLanguage: 'JSONPath' }), 'NOT_SUPPORTED'],
  [
    'JSONPath of a state',
    machine({ A: { ...pass, QueryLanguage: 'JSONPath' } }),
    "/States/A/QueryLanguage 'QueryLanguage' can not be 'JSONPath'",
  ],
  ['no StartAt', machine({ A: pass }, { StartAt: undefined }), "'StartAt' is required"],
  ['no States', machine({ A: pass }, { States: undefined }), "'States' is required"],
  ['empty States', machine({}, { StartAt: 'A' }), '/States Expected at least 1 state'],
  [
    'StartAt of no state',
    machine({ A: pass }, { StartAt: 'B' }),
    "MISSING_TRANSITION_TARGET /StartAt There is no state 'B'",
  ],
  [
    'Next to no state',
    machine({ A: { Type: 'Pass', Next: 'B' } }),
    "MISSING_TRANSITION_TARGET /States/A/Next There is no state 'B'",
  ],
  [
    'Default to no state',
    machine({ A: { Type: 'Choice', Choices: [{ Condition: true, Next: 'A' }], Default: 'B' } }),
    '/States/A/Default',
  ],
  [
    'Catch to no state',
    machine({ A: { ...task, Catch: [{ ErrorEquals: ['E'], Next: 'B' }] } }),
    '/States/A/Catch/0/Next',
  ],
  [
    'a state out of reach',
    machine({ A: pass, B: pass }),
    "MISSING_TRANSITION_TARGET /States/B State 'B' is not reachable",
  ],
  ['neither Next nor End', machine({ A: { Type: 'Pass' } }), '/States/A One of the fields'],
  [
    'Next and End',
    machine({ A: { Type: 'Pass', Next: 'A', End: true } }),
    '/States/A Only one of the fields',
  ],
  ['no Type', machine({ A: end }), "/States/A The field 'Type' is required"],
  [
    'an unknown Type',
    machine({ A: { Type: 'Taks', ...end } }),
    '/States/A/Type Expected a state type',
  ],
  ['a type of every object', machine({ A: { Type: 'constructor', ...end } }), '/States/A/Type'],
  ['an unknown field', machine({ A: { ...pass, Outptu: 1 } }), "/States/A/Outptu Field 'Outptu'"],
  ['a field of JSONPath', machine({ A: { ...pass, Result: 1 } }), '/States/A/Result The field'],
  ['an unknown top field', machine({ A: pass }, { Satets: {} }), "/Satets Field 'Satets'"],
  ['a pointer to be escaped', machine({ 'a/b~c': { ...pass, X: 1 } }), '/States/a~1b~0c/X'],
  [
    'a name of 81 characters',
    machine({ ['n'.repeat(81)]: pass }),
    'A state name has 1 to 80 characters',
  ],
  [
    'a name twice',
    machine({
      A: { Type: 'Parallel', Branches: [workflow({ B: pass }), workflow({ B: pass })], ...end },
    }),
    'DUPLICATE_STATE_NAME /States/A/Branches/1/States/B',
  ],
  ['no JSONata', machine({ A: { ...pass, Output: { x: '{% ( %}' } } }), '/States/A/Output/x'],
  ['$eval', machine({ A: { ...pass, Output: "{% $eval('1') %}" } }), '$eval is not available'],
  ['a variable named states', machine({ A: { ...pass, Assign: { states: 1 } } }), '/Assign/states'],
  ['no variable name', machine({ A: { ...pass, Assign: { 'a.b': 1 } } }), '/States/A/Assign/a.b'],
  ['Assign of no object', machine({ A: { ...pass, Assign: [] } }), '/States/A/Assign Expected'],
  ['no Resource', machine({ A: { Type: 'Task', ...end } }), "'Resource' is required"],
  ['no ARN', machine({ A: { ...task, Resource: 'invoke' } }), '/States/A/Resource Expected an ARN'],
  [
    'a pattern that is not supported',
    machine({ A: { ...task, Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken' } }),
    'NOT_SUPPORTED /States/A/Resource',
  ],
  ['Credentials', machine({ A: { ...task, Credentials: {} } }), "'RoleArn' is required"],
  ['TimeoutSeconds 0', machine({ A: { ...task, TimeoutSeconds: 0 } }), '/States/A/TimeoutSeconds'],
  ['a timeout of text', machine({ A: { ...task, TimeoutSeconds: '5' } }), '/TimeoutSeconds'],
  ['a timeout of the machine', machine({ A: pass }, { TimeoutSeconds: 1.5 }), '/TimeoutSeconds'],
  [
    'a heartbeat above the timeout',
    machine({ A: { ...task, TimeoutSeconds: 5, HeartbeatSeconds: 5 } }),
    '/States/A/HeartbeatSeconds',
  ],
  ['no ErrorEquals', machine({ A: { ...task, Retry: [{}] } }), "/States/A/Retry/0 The field 'E"],
  ['an empty ErrorEquals', machine({ A: retry({ ErrorEquals: [] }) }), 'at least 1 error name'],
  ['IntervalSeconds 0', machine({ A: retry({ IntervalSeconds: 0 }) }), '/Retry/0/IntervalSeconds'],
  ['MaxAttempts -1', machine({ A: retry({ MaxAttempts: -1 }) }), '/Retry/0/MaxAttempts'],
  ['BackoffRate 0.5', machine({ A: retry({ BackoffRate: 0.5 }) }), '/Retry/0/BackoffRate'],
  [
    'MaxDelaySeconds below the interval',
    machine({ A: retry({ IntervalSeconds: 9, MaxDelaySeconds: 5 }) }),
    '/Retry/0/MaxDelaySeconds',
  ],
  ['a jitter', machine({ A: retry({ JitterStrategy: 'full' }) }), '/Retry/0/JitterStrategy'],
  ['States.All', machine({ A: retry({ ErrorEquals: ['States.All'] }) }), "'States.All'"],
  [
    'States.ALL among others',
    machine({ A: retry({ ErrorEquals: ['E', 'States.ALL'] }) }),
    'must stand alone',
  ],
  [
    'States.ALL before others',
    machine({ A: { ...task, Retry: [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['E'] }] } }),
    '/Retry/0/ErrorEquals',
  ],
  ['no Choices', machine({ A: { Type: 'Choice', Choices: [] } }), '/States/A/Choices'],
  [
    'a Condition of text',
    machine({ A: { Type: 'Choice', Choices: [{ Condition: 'yes', Next: 'A' }] } }),
    '/States/A/Choices/0/Condition',
  ],
  ['Retry of a Pass', machine({ A: { ...pass, Retry: [] } }), '/States/A/Retry'],
  [
    'Next of a Choice',
    machine({ A: { Type: 'Choice', Choices: [{ Condition: true, Next: 'A' }], Next: 'A' } }),
    '/States/A/Next',
  ],
  ['a Wait for nothing', machine({ A: { Type: 'Wait', ...end } }), 'Exactly one of the fields'],
  [
    'a Wait for two things',
    machine({ A: { Type: 'Wait', Seconds: 1, Timestamp: '2024-01-01T00:00:00Z', ...end } }),
    'Exactly one of the fields',
  ],
  ['a Wait of -1', machine({ A: { Type: 'Wait', Seconds: -1, ...end } }), '/States/A/Seconds'],
  ['a Wait for noon', machine({ A: { Type: 'Wait', Timestamp: 'noon', ...end } }), '/Timestamp'],
  ['End of a Succeed', machine({ A: { Type: 'Succeed', ...end } }), '/States/A/End'],
  ['a Cause of numbers', machine({ A: { Type: 'Fail', Cause: 5 } }), '/States/A/Cause'],
  ['no Branches', machine({ A: { Type: 'Parallel', ...end } }), "'Branches' is required"],
  ['no ItemProcessor', machine({ A: { Type: 'Map', ...end } }), "'ItemProcessor' is required"],
  [
    'Items of text',
    machine({ A: { Type: 'Map', Items: 'x', ItemProcessor: workflow({ B: pass }), ...end } }),
    '/States/A/Items',
  ],
  [
    'a distributed Map',
    machine({
      A: {
        Type: 'Map',
        ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED' }, ...workflow({ B: pass }) },
        ...end,
      },
    }),
    'NOT_SUPPORTED /States/A/ItemProcessor/ProcessorConfig/Mode',
  ],
  [
    'a fault deep inside',
    machine({
      A: {
        Type: 'Map',
        ItemProcessor: workflow({
          B: { Type: 'Parallel', Branches: [workflow({ C: { Type: 'Pass' } })], ...end },
        }),
        ...end,
      },
    }),
    '/States/A/ItemProcessor/States/B/Branches/0/States/C',
  ],
  ['1 MiB and more', machine({ A: { ...pass, Comment: 'x'.repeat(1_048_576) } }), '1048576 bytes'],
]

describe('a definition', () => {
  it.each(faulty)('is refused for %s', async (_, definition, fault) => {
    const faults = await faultsOf(definition)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
  })

  it('is refused with all its faults at once', async () => {
    const faults = await faultsOf(
      machine({
        A: { Type: 'Pass', Output: '{% ( %}', Next: 'X', Unknown: 1 },
        B: { Type: 'Wait', Seconds: -1, End: true },
        C: { ...retry({ MaxAttempts: 0.5, BackoffRate: 0 }) },
      }),
    )
    expect(faults.map((fault) => fault.split(' ')[1])).toEqual([
      '/States/A/Output',
      '/States/A/Unknown',
      '/States/B/Seconds',
      '/States/C/Retry/0/MaxAttempts',
      '/States/C/Retry/0/BackoffRate',
      '/States/A/Next',
      '/States/B',
      '/States/C',
    ])
  })

  it('is accepted with everything that the language has', async () => {
    const handling = {
      Retry: [
        { ErrorEquals: ['A', 'States.Timeout'], MaxDelaySeconds: 5, JitterStrategy: 'NONE' },
        { ErrorEquals: ['States.ALL'], MaxAttempts: 0, Comment: 'c' },
      ],
      Catch: [{ ErrorEquals: ['States.ALL'], Output: 1, Assign: { é1: 1 }, Next: 'Z' }],
    }
    const definition = machine(
      {
        T: {
          ...task,
          ...handling,
          TimeoutSeconds: '{% 5 %}',
          Credentials: { RoleArn: 'r' },
          End: false,
          Next: 'C',
        },
        C: { Type: 'Choice', Choices: [{ Condition: '{% true %}', Next: 'W' }], Default: 'Z' },
        W: { Type: 'Wait', Timestamp: '2024-01-01T00:00:00.5+01:00', Next: 'M' },
        M: {
          Type: 'Map',
          Items: ['{% 1 %}'],
          MaxConcurrency: '{% 2 %}',
          ToleratedFailureCount: 1,
          ToleratedFailurePercentage: 12.5,
          ItemProcessor: {
            ProcessorConfig: { Mode: 'INLINE' },
            Comment: 'c',
            ...workflow({ I: pass }),
          },
          ...handling,
          Next: 'P',
        },
        P: {
          Type: 'Parallel',
          Branches: [{ Comment: 'b', ...workflow({ B: { Type: 'Fail' } }) }],
          ...handling,
          Next: 'Z',
        },
        Z: { Type: 'Succeed', QueryLanguage: 'JSONata', Comment: 'c' },
      },
      { Comment: 'c', Version: '1.0', TimeoutSeconds: 10 },
    )
    expect(await faultsOf(definition)).toEqual([])
  })
})

describe('substitute', () => {
  it('replaces the placeholders of all strings', () => {
    const definition = { a: '${One}', b: ['x ${One} ${Two}', 1, null], c: { d: '$One {One}' } }
    expect(substitute(definition, { One: '1', Two: '${One}' })).toEqual({
      a: '1',
      b: ['x 1 ${One}', 1, null],
      c: { d: '$One {One}' },
    })
    expect(definition.a).toBe('${One}')
  })

  it('refuses placeholders without a substitution', () => {
    expect(() => substitute(['${A}', '${B}', '${toString}'], { B: '' })).toThrow('A, toString')
  })
})

import { describe, expect, it } from 'vitest'
import { substitute } from '../../engine/index.ts'
import { faultsOf } from './faults.ts'
import { type Fields, machine, workflow } from './support.ts'

const end = { End: true }
const pass = { Type: 'Pass', ...end }
const task = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', ...end }
const retry = (fields: Fields) => ({ ...task, Retry: [{ ErrorEquals: ['E'], ...fields }] })

const faulty: [string, string, string][] = [
  ['no JSON', '{', 'INVALID_JSON_DESCRIPTION'],
  ['no object', '[]', 'SCHEMA_VALIDATION_FAILED  Definition must be a valid JSON object'],
  ['no text', ' ', 'SCHEMA_VALIDATION_FAILED  Definition must be a valid JSON object'],
  ['1,001 levels', `${'['.repeat(1001)}`, 'INVALID_JSON_DESCRIPTION'],
  [
    'an unknown query language',
    machine({ A: pass }, { QueryLanguage: 'jsonpath' }),
    '/QueryLanguage Value should be one of the following: [JSONPath, JSONata]',
  ],
  [
    'JSONPath of a state',
    machine({ A: { ...pass, QueryLanguage: 'JSONPath' } }),
    "/States/A 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
  ],
  [
    'no StartAt',
    machine({ A: pass }, { StartAt: undefined }),
    'These fields are required: [StartAt]',
  ],
  ['no States', machine({ A: pass }, { States: undefined }), 'These fields are required: [States]'],
  ['empty States', machine({}, { StartAt: 'A' }), '/States Expected at least 1 state'],
  [
    'StartAt of no state',
    machine({ A: pass }, { StartAt: 'B' }),
    "MISSING_TRANSITION_TARGET /StartAt Missing 'StartAt' target: B",
  ],
  [
    'Next to no state',
    machine({ A: { Type: 'Pass', Next: 'B' } }),
    "MISSING_TRANSITION_TARGET /States/A/Next Missing 'Next' target: B",
  ],
  [
    'Default to no state',
    machine({ A: { Type: 'Choice', Choices: [{ Condition: true, Next: 'A' }], Default: 'B' } }),
    '/States/A/Default',
  ],
  [
    'Catch to no state',
    machine({ A: { ...task, Catch: [{ ErrorEquals: ['E'], Next: 'B' }] } }),
    '/States/A/Catch[0]/Next',
  ],
  [
    'a state out of reach',
    machine({ A: pass, B: pass }),
    'MISSING_TRANSITION_TARGET /States/B State "B" is not reachable.',
  ],
  ['neither Next nor End', machine({ A: { Type: 'Pass' } }), '/States/A One of the fields'],
  [
    'Next and End',
    machine({ A: { Type: 'Pass', Next: 'A', End: true } }),
    '/States/A Only one of the fields',
  ],
  ['no Type', machine({ A: end }), '/States/A These fields are required: [Type]'],
  [
    'an unknown Type',
    machine({ A: { Type: 'Taks', ...end } }),
    '/States/A/Type Value should be one of the following: [Task, ',
  ],
  ['a type of every object', machine({ A: { Type: 'constructor', ...end } }), '/States/A/Type'],
  [
    'an unknown field',
    machine({ A: { ...pass, Outptu: 1 } }),
    "/States/A Field 'Outptu' is not supported",
  ],
  [
    'a field of JSONPath',
    machine({ A: { ...pass, Result: 1 } }),
    "/States/A The QueryLanguage is set to 'JSONata', but field 'Result' is only",
  ],
  [
    'an unknown top field',
    machine({ A: pass }, { Satets: {} }),
    " Field 'Satets' is not supported",
  ],
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
    'DUPLICATE_STATE_NAME /States/A/Branches[1]/States/B Duplicate State name: B',
  ],
  [
    'no JSONata',
    machine({ A: { ...pass, Output: { x: '{% a[1,2) %}' } } }),
    'INVALID_JSONATA_EXPRESSION /States/A/Output/x',
  ],
  ['$eval', machine({ A: { ...pass, Output: "{% $eval('1') %}" } }), '$eval is not available'],
  ['a variable named states', machine({ A: { ...pass, Assign: { states: 1 } } }), '/Assign/states'],
  ['no variable name', machine({ A: { ...pass, Assign: { 'a.b': 1 } } }), '/States/A/Assign/a.b'],
  ['Assign of no object', machine({ A: { ...pass, Assign: [] } }), '/States/A/Assign Expected'],
  [
    'no Resource',
    machine({ A: { Type: 'Task', ...end } }),
    '/States/A These fields are required: [Resource]',
  ],
  [
    'no ARN',
    machine({ A: { ...task, Resource: 'invoke' } }),
    '/States/A/Resource Value is not a valid resource ARN',
  ],
  [
    'an activity',
    machine({ A: { ...task, Resource: 'arn:aws:states:us-east-1:000000000000:activity:a' } }),
    'NOT_SUPPORTED /States/A/Resource',
  ],
  [
    'Credentials',
    machine({ A: { ...task, Credentials: {} } }),
    "The field 'RoleArn' is required but was",
  ],
  ['TimeoutSeconds 0', machine({ A: { ...task, TimeoutSeconds: 0 } }), '/States/A/TimeoutSeconds'],
  ['a timeout of text', machine({ A: { ...task, TimeoutSeconds: '5' } }), '/TimeoutSeconds'],
  ['a timeout of the machine', machine({ A: pass }, { TimeoutSeconds: 1.5 }), '/TimeoutSeconds'],
  [
    'a heartbeat above the timeout',
    machine({ A: { ...task, TimeoutSeconds: 5, HeartbeatSeconds: 5 } }),
    '/States/A/HeartbeatSeconds',
  ],
  [
    'no ErrorEquals',
    machine({ A: { ...task, Retry: [{}] } }),
    '/States/A/Retry[0] These fields are required: [ErrorEquals]',
  ],
  ['an empty ErrorEquals', machine({ A: retry({ ErrorEquals: [] }) }), 'at least 1 error name'],
  ['IntervalSeconds 0', machine({ A: retry({ IntervalSeconds: 0 }) }), '/Retry[0]/IntervalSeconds'],
  ['MaxAttempts -1', machine({ A: retry({ MaxAttempts: -1 }) }), '/Retry[0]/MaxAttempts'],
  ['BackoffRate 0.5', machine({ A: retry({ BackoffRate: 0.5 }) }), '/Retry[0]/BackoffRate'],
  [
    'MaxDelaySeconds below the interval',
    machine({ A: retry({ IntervalSeconds: 9, MaxDelaySeconds: 5 }) }),
    '/Retry[0]/MaxDelaySeconds',
  ],
  ['a jitter', machine({ A: retry({ JitterStrategy: 'full' }) }), '/Retry[0]/JitterStrategy'],
  ['States.All', machine({ A: retry({ ErrorEquals: ['States.All'] }) }), "'States.All'"],
  [
    'States.ALL among others',
    machine({ A: retry({ ErrorEquals: ['E', 'States.ALL'] }) }),
    'must stand alone',
  ],
  [
    'States.ALL before others',
    machine({ A: { ...task, Retry: [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['E'] }] } }),
    '/Retry[0]/ErrorEquals',
  ],
  ['no Choices', machine({ A: { Type: 'Choice', Choices: [] } }), '/States/A/Choices'],
  [
    'a Condition of text',
    machine({ A: { Type: 'Choice', Choices: [{ Condition: 'yes', Next: 'A' }] } }),
    '/States/A/Choices[0]/Condition',
  ],
  ['Retry of a Pass', machine({ A: { ...pass, Retry: [] } }), "/States/A Field 'Retry'"],
  [
    'Next of a Choice',
    machine({ A: { Type: 'Choice', Choices: [{ Condition: true, Next: 'A' }], Next: 'A' } }),
    "/States/A Field 'Next' is not supported",
  ],
  [
    'a Wait for nothing',
    machine({ A: { Type: 'Wait', ...end } }),
    'Exactly one of these fields is required',
  ],
  [
    'a Wait for two things',
    machine({ A: { Type: 'Wait', Seconds: 1, Timestamp: '2024-01-01T00:00:00Z', ...end } }),
    'Exactly one of these fields is required',
  ],
  ['a Wait of -1', machine({ A: { Type: 'Wait', Seconds: -1, ...end } }), '/States/A/Seconds'],
  ['a Wait for noon', machine({ A: { Type: 'Wait', Timestamp: 'noon', ...end } }), '/Timestamp'],
  ['End of a Succeed', machine({ A: { Type: 'Succeed', ...end } }), "/States/A Field 'End'"],
  ['a Cause of numbers', machine({ A: { Type: 'Fail', Cause: 5 } }), '/States/A/Cause'],
  [
    'no Branches',
    machine({ A: { Type: 'Parallel', ...end } }),
    'These fields are required: [Branches]',
  ],
  [
    'no ItemProcessor',
    machine({ A: { Type: 'Map', ...end } }),
    'These fields are required: [ItemProcessor]',
  ],
  [
    'Items of text',
    machine({ A: { Type: 'Map', Items: 'x', ItemProcessor: workflow({ B: pass }), ...end } }),
    '/States/A/Items',
  ],
  [
    'a distributed Map without its ExecutionType',
    machine({
      A: {
        Type: 'Map',
        ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED' }, ...workflow({ B: pass }) },
        ...end,
      },
    }),
    '/States/A/ItemProcessor/ProcessorConfig These fields are required: [ExecutionType]',
  ],
  [
    'states that lead in a circle',
    machine({ A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } }),
    'MISSING_END_STATE',
  ],
  [
    'a name without anything that it is of',
    machine({ A: { ...pass, Output: { v: '{% phone %}' } } }),
    "UNSUPPORTED_JSONATA_EXPRESSION /States/A/Output/v Reference to 'phone' at the top level is not supported.",
  ],
  [
    'a name in the body of a function',
    machine({ A: { ...pass, Output: '{% $map($x, function($i) { b + 1 }) %}' } }),
    "Reference to 'b' at the top level",
  ],
  [
    '$$',
    machine({ A: { ...pass, Output: ['{% $$ %}'] } }),
    "/States/A/Output[0] Reference to '$$' is not supported.",
  ],
  [
    '$states.errorOutput outside of a Catch',
    machine({ A: { ...pass, Output: '{% $states.errorOutput.Error %}' } }),
    "Reference to '$states.errorOutput' is not supported.",
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
    '/States/A/ItemProcessor/States/B/Branches[0]/States/C',
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
      '/States/A',
      '/States/B/Seconds',
      '/States/C/Retry[0]/MaxAttempts',
      '/States/C/Retry[0]/BackoffRate',
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

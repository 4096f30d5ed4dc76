import { describe, expect, it } from 'vitest'
import { faultsOf } from './faults.ts'
import { type Fields, workflow } from './support.ts'

const end = { End: true }
const pass = { Type: 'Pass', ...end }
const task = { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', ...end }
const path = (states: Record<string, Fields>) => JSON.stringify(workflow(states))
const choice = (rule: Fields) =>
  path({ A: { Type: 'Choice', Choices: [{ Next: 'B', ...rule }] }, B: pass })

const faultyJsonPath: [string, string, string][] = [
  [
    'InputPath of text',
    path({ A: { ...pass, InputPath: 'x' } }),
    'SCHEMA_VALIDATION_FAILED /States/A/InputPath Value must be a valid JSONPath.',
  ],
  ['OutputPath in brackets', path({ A: { ...pass, OutputPath: '$[x]' } }), '/States/A/OutputPath'],
  ['InputPath of a call', path({ A: { ...pass, InputPath: 'States.UUID()' } }), '/InputPath'],
  [
    'ResultPath without $',
    path({ A: { ...pass, ResultPath: 'a' } }),
    "/States/A/ResultPath Value is not a Reference Path: Reference path didn't start with '$'",
  ],
  ['ResultPath to many', path({ A: { ...pass, ResultPath: '$.a[*]' } }), 'is not a Reference Path'],
  ['ResultPath to the Context', path({ A: { ...pass, ResultPath: '$$.a' } }), '/ResultPath'],
  [
    'a parameter that is no path',
    path({ A: { ...pass, Parameters: { a: [{ 'x.$': 'foo' }] } } }),
    "/States/A/Parameters/a[0] The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
  ],
  ['a parameter of a number', path({ A: { ...pass, Parameters: { 'x.$': 1 } } }), "'x.$' must be"],
  ...[
    "States.Format('{}'",
    'States.Nothing(1)',
    'States.MathAdd(1)',
    'States.UUID(1)',
    'States.UUID().a',
    'States.Array(1,,2)',
    `${'States.Array('.repeat(11)}${')'.repeat(11)}`,
    '$.a[',
    "$['a'",
    '$.a[1:2:3]',
    '$.a.foo()',
    '$.a[?(@.b = 1)]',
    '$.a[?(@.b =~ /(/)]',
    `$[?(${'('.repeat(200)}@.a${')'.repeat(200)})]`,
    '$states.input',
    '$..',
    '$.a b',
  ].map((query): [string, string, string] => [
    query,
    path({ A: { ...pass, Parameters: { 'x.$': query } } }),
    "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
  ]),
  [
    'Output',
    path({ A: { ...pass, Output: 1 } }),
    "is only supported for the 'JSONata' QueryLanguage",
  ],
  [
    'Arguments',
    path({ A: { ...task, Arguments: {} } }),
    "/States/A The QueryLanguage is set to 'JSONPath', but field 'Arguments' is only supported",
  ],
  ['a Condition', choice({ Condition: true }), 'A choice rule must have a comparison'],
  ['no comparison', choice({ Variable: '$.a' }), '/States/A/Choices[0] A choice rule must have'],
  [
    'two comparisons',
    choice({ Variable: '$.a', IsNull: true, StringEquals: '' }),
    'Only one of these fields is allowed: [IsNull, StringEquals]',
  ],
  ['no Variable', choice({ IsNull: true }), 'These fields are required: [Variable]'],
  ['a Variable of many', choice({ Variable: '$..a', IsNull: true }), '/Choices[0]/Variable'],
  ['a comparison of another type', choice({ Variable: '$.a', StringEquals: 1 }), '/StringEquals'],
  ['a time that is none', choice({ Variable: '$.a', TimestampEquals: 'noon' }), '/TimestampEquals'],
  ['a test of text', choice({ Variable: '$.a', IsNull: 'yes' }), '/Choices[0]/IsNull'],
  [
    'StringMatchesPath',
    choice({ Variable: '$.a', StringMatchesPath: '$.b' }),
    "'StringMatchesPath'",
  ],
  ['an empty And', choice({ And: [] }), '/Choices[0]/And'],
  [
    'Next within Not',
    choice({ Not: { Variable: '$.a', IsNull: true, Next: 'B' } }),
    "/Choices[0]/Not Field 'Next' is not supported",
  ],
  [
    'a Wait for two things',
    path({ A: { Type: 'Wait', Seconds: 1, SecondsPath: '$.s', ...end } }),
    "Only one of 'Seconds' and 'SecondsPath'",
  ],
  [
    'TimeoutSecondsPath to many',
    path({ A: { ...task, TimeoutSecondsPath: '$.*' } }),
    '/TimeoutSecondsPath',
  ],
  [
    'Cause and CausePath',
    path({ A: { Type: 'Fail', Cause: 'c', CausePath: '$.c' } }),
    "'CausePath'",
  ],
  ['InputPath of a Fail', path({ A: { Type: 'Fail', InputPath: '$' } }), "Field 'InputPath'"],
  ['ResultSelector of a Pass', path({ A: { ...pass, ResultSelector: {} } }), "'ResultSelector'"],
  ['Parameters of a Succeed', path({ A: { Type: 'Succeed', Parameters: {} } }), "'Parameters'"],
  [
    'ResultPath of a Wait',
    path({ A: { Type: 'Wait', Seconds: 1, ResultPath: '$', ...end } }),
    "'ResultPath'",
  ],
  ['a variable of no name', path({ A: { ...pass, Assign: { 'a-b.$': '$' } } }), '/Assign/a-b.$'],
  [
    'a language of a branch',
    path({
      A: {
        Type: 'Parallel',
        Branches: [{ QueryLanguage: 'JSONata', ...workflow({ B: pass }) }],
        ...end,
      },
    }),
    "/States/A/Branches[0] Field 'QueryLanguage' is not supported",
  ],
]

describe('a definition in JSONPath', () => {
  it.each(faultyJsonPath)('is refused for %s', async (_, definition, fault) => {
    const faults = await faultsOf(definition)
    expect(faults.filter((found) => found.includes(fault))).toHaveLength(1)
  })

  it('is accepted with everything that JSONPath has', async () => {
    const flow = { InputPath: '$.a', OutputPath: null, ResultPath: '$.r' }
    const handling = {
      ...flow,
      ResultSelector: { 'x.$': "States.Format('{}', $.y)" },
      Retry: [{ ErrorEquals: ['States.IntrinsicFailure'] }],
      Catch: [
        { ErrorEquals: ['States.ALL'], ResultPath: null, Assign: { 'e.$': '$.Error' }, Next: 'Z' },
      ],
    }
    const variable = (fields: Fields) => ({ Variable: '$.v', ...fields })
    const definition = JSON.stringify({
      QueryLanguage: 'JSONPath',
      ...workflow({
        T: {
          ...task,
          ...handling,
          Parameters: { 'p.$': '$$.Task.Token', deep: [{ 'q.$': '$x.y[0]' }] },
          TimeoutSecondsPath: '$.t',
          HeartbeatSecondsPath: '$x',
          Credentials: { 'RoleArn.$': '$.role' },
          End: false,
          Next: 'C',
        },
        C: {
          Type: 'Choice',
          InputPath: '$',
          OutputPath: '$.b',
          Choices: [
            { ...variable({ IsPresent: true }), Assign: { 'x.$': '$' }, Next: 'W' },
            {
              And: [variable({ IsTimestamp: false }), { Not: variable({ IsNull: true }) }],
              Next: 'W',
            },
            { ...variable({ TimestampLessThanEqualsPath: '$x' }), Comment: 'c', Next: 'W' },
            { ...variable({ StringMatches: 'a*' }), Next: 'W' },
          ],
          Assign: { y: 1 },
          Default: 'P',
        },
        W: { Type: 'Wait', TimestampPath: '$.t', InputPath: '$', Next: 'P' },
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({ B: { Type: 'Fail', ErrorPath: '$.e', CausePath: 'States.UUID()' } }),
          ],
          Parameters: { 'x.$': '$' },
          ...handling,
          Next: 'M',
        },
        M: {
          Type: 'Map',
          ItemsPath: '$$.Execution.Input.items',
          ItemSelector: { 'v.$': '$$.Map.Item.Value' },
          MaxConcurrencyPath: '$.c',
          ItemProcessor: workflow({
            J: { ...pass, QueryLanguage: 'JSONata', Output: '{% $states.input.a[b = 1].c %}' },
          }),
          ...handling,
          Next: 'R',
        },
        R: { Type: 'Pass', Result: { 'a.$': 'no path' }, ...flow, Next: 'Z' },
        Z: { Type: 'Succeed', InputPath: '$', OutputPath: '$.a[?(@.b)]' },
      }),
    })
    expect(await faultsOf(definition)).toEqual([])
  })

  it("of JSONata may be nested in JSONPath, and its states are of the machine's language", async () => {
    const map = (inner: Fields) =>
      path({
        M: {
          Type: 'Map',
          QueryLanguage: 'JSONata',
          Items: [1],
          ItemProcessor: workflow({ I: inner }),
          ...end,
        },
      })
    expect(await faultsOf(map({ ...pass, InputPath: '$.a' }))).toEqual([])
    expect(await faultsOf(map({ ...pass, Output: 1 }))).toHaveLength(1)
  })
})

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Duration, Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { EventBus } from 'aws-cdk-lib/aws-events'
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { describe, expect, it } from 'vitest'
import { contextProps, millraceApp, Workflow, type WorkflowProps } from '../../cdk/index.ts'
import { taskTimeouts } from '../../cdk/task-timeouts.ts'
import { standInBundles } from './bundles.ts'
import { listOf, ofType, statementsOf, synthesized, written } from './synthesized.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-workflow-'))
const bundle = join(standInBundles(), 'claim')
/** An asset belongs to one stack. */
const code = () => Code.fromAsset(bundle)

describe('a workflow on a platform', () => {
  const definitionFile = fileOf(definitionOf({ Greet: 30, Note: 120 }))
  const { template } = synthesized({}, (stack) => {
    new Workflow(stack, 'Greetings', {
      platform: stack.platform,
      name: 'greetings',
      definitionFile,
      tasks: {
        Greet: { code: code(), uses: ['objects.read sales/*', 'bus.publish', 'executions.list'] },
        Note: new LambdaFunction(stack, 'Note', {
          runtime: Runtime.NODEJS_24_X,
          handler: 'index.handler',
          code: code(),
        }),
      },
      trigger: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: { object: { key: [{ wildcard: 'sales/*.csv' }] } },
      },
      onExecutionEnd: { code: code(), uses: ['table.put'] },
    })
  })

  it('has a state machine from its file, with versions of its functions', () => {
    template.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineName: 'Millrace-greetings',
      DefinitionString: JSON.stringify(definitionOf({ Greet: 30, Note: 120 }), null, 2),
      DefinitionSubstitutions: {
        Greet: { Ref: Match.stringLikeRegexp('^GreetingsGreetCurrentVersion') },
        Note: { Ref: Match.stringLikeRegexp('^NoteCurrentVersion') },
      },
    })
  })

  it('starts for objects of the platform’s bucket alone', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.s3'],
        detail: {
          bucket: { name: [{ Ref: Match.stringLikeRegexp('^PlatformBucket') }] },
          object: { key: [{ wildcard: 'sales/*.csv' }] },
        },
      },
    })
  })

  it('calls the function of its ends, in whichever way they came about', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        detail: {
          stateMachineArn: [{ Ref: Match.stringLikeRegexp('^GreetingsStateMachine') }],
          status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      Targets: [
        {
          Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^GreetingsOnExecutionEnd'), 'Arn'] },
          DeadLetterConfig: Match.anyValue(),
        },
      ],
    })
  })

  it('gives its functions what they declare, and the time of their states', () => {
    const statements = statementsOf(template, 'GreetingsGreetRole')
    const actions = statements.flatMap(({ Action }) => listOf(Action)).sort()
    expect(actions).toEqual([
      'events:PutEvents',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:GetObjectVersion',
      's3:ListBucket',
      'states:ListExecutions',
      'states:ListExecutions',
      'states:ListExecutions',
      'states:ListExecutions',
    ])
    template.hasResourceProperties('AWS::Lambda::Function', {
      Role: { 'Fn::GetAtt': [Match.stringLikeRegexp('^GreetingsGreetRole'), 'Arn'] },
      Timeout: 30,
    })
  })

  it('is one of the workflows that the API lists and stops', () => {
    const resources = statementsOf(template, 'PlatformApiRole')
      .filter(({ Action }) => listOf(Action).includes('states:StopExecution'))
      .flatMap(({ Resource }) => listOf(Resource).map(written))
    expect(resources).toEqual([
      expect.stringMatching(/:execution:Millrace-training:\*$/),
      expect.stringMatching(/:execution:Millrace-batch:\*$/),
      expect.stringMatching(/:execution:Millrace-retraining:\*$/),
      expect.stringMatching(/:execution:Millrace-greetings:\*$/),
    ])
    for (const { Properties } of Object.values(ofType(template, 'AWS::Lambda::Function'))) {
      const { Variables = {} } = (Properties['Environment'] ?? {}) as { Variables?: object }
      const machines = (Variables as Record<string, unknown>)['MILLRACE_STATE_MACHINES']
      if (machines === undefined) continue
      expect(Object.keys(JSON.parse(written(machines)) as object)).toEqual([
        'training',
        'batch',
        'retraining',
        'greetings',
      ])
    }
  })

  it('has alarms of its own', () => {
    const alarms = Object.keys(ofType(template, 'AWS::CloudWatch::Alarm'))
    expect(alarms.filter((id) => id.startsWith('Greetings'))).toHaveLength(3)
  })
})

describe('a trigger', () => {
  it('of our own events is on the bus that they are published to', () => {
    const elsewhere = new Stack(new App(), 'Elsewhere')
    const { template } = synthesized(
      { eventBus: EventBus.fromEventBusName(elsewhere, 'Ours', 'ours') },
      (one) => {
        new Workflow(one, 'Cards', {
          platform: one.platform,
          name: 'cards',
          definitionFile: fileOf(definitionOf({ Greet: 30 })),
          tasks: { Greet: { code: code() } },
          trigger: { source: ['millrace'] },
        })
      },
    )
    const buses = Object.values(ofType(template, 'AWS::Events::Rule')).map(
      ({ Properties }) => [Properties['EventPattern'], Properties['EventBusName']] as const,
    )
    for (const [pattern, bus] of buses) {
      if (pattern === undefined) continue
      const [source] = (pattern as { source: string[] }).source
      expect(bus).toBe(source === 'millrace' ? 'ours' : 'default')
    }
  })
})

describe('a workflow with distributed Maps', () => {
  const maps = {
    StartAt: 'Cards',
    States: {
      Cards: distributedMap({
        Label: 'Cards',
        ItemReader: reader('getObject', { 'Bucket.$': '$.bucket', 'VersionId.$': '$.version' }),
        ResultWriter: { Resource: 'arn:aws:states:::s3:putObject', Parameters: {} },
        Next: 'Both',
      }),
      Both: {
        Type: 'Parallel',
        Branches: [
          { StartAt: 'Inner', States: { Inner: distributedMap({ Label: 'Inner', End: true }) } },
        ],
        End: true,
      },
    },
  }
  const withMaps = (definition: object, keys: Partial<WorkflowProps>) =>
    synthesized({}, (stack) => {
      new Workflow(stack, 'Mapping', {
        platform: stack.platform,
        name: 'mapping',
        definitionFile: fileOf(definition),
        tasks: { Greet: { code: code() } },
        ...keys,
      })
    })
  const allowed = ({ template }: ReturnType<typeof synthesized>) =>
    Object.fromEntries(
      statementsOf(template, 'MappingRole')
        .filter(({ Action }) => listOf(Action).some((action) => /^(states|s3):/.test(action)))
        .map(({ Action, Resource }) => [
          listOf(Resource).map(written).join(' ').replaceAll(arnStart, ''),
          listOf(Action),
        ]),
    )
  const arnStart = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:'

  const made = withMaps(maps, { itemReaderKeys: 'lists/*', resultWriterKeys: 'cards/*' })

  it('may start, follow, stop and redrive its children, and use the objects that it names', () => {
    expect(allowed(made)).toEqual({
      'stateMachine:Millrace-mapping': ['states:StartExecution'],
      'execution:Millrace-mapping:*': ['states:DescribeExecution', 'states:StopExecution'],
      'execution:Millrace-mapping/Cards:* execution:Millrace-mapping/Inner:*': [
        'states:RedriveExecution',
      ],
      '<PlatformBucketF77E3768.Arn>/lists/*': ['s3:GetObject', 's3:GetObjectVersion'],
      '<PlatformBucketF77E3768.Arn>/cards/*': [
        's3:PutObject',
        's3:GetObject',
        's3:ListMultipartUploadParts',
        's3:AbortMultipartUpload',
      ],
    })
  })

  it('lists the bucket only where a Map does, and reads no versions that it does not name', () => {
    const ItemReader = reader('listObjectsV2', {})
    const listing = {
      StartAt: 'Listed',
      States: { Listed: distributedMap({ ItemReader, End: true }) },
    }
    expect(allowed(withMaps(listing, { itemReaderKeys: 'lists/*' }))).toMatchObject({
      'execution:Millrace-mapping/*:*': ['states:RedriveExecution'],
      '<PlatformBucketF77E3768.Arn>/lists/*': ['s3:GetObject'],
      '<PlatformBucketF77E3768.Arn>': ['s3:ListBucket'],
    })
  })

  it('has a role that refers to nothing that waits for it', () => {
    const policy = JSON.stringify(statementsOf(made.template, 'MappingRole'))
    expect(policy).not.toMatch(/MappingStateMachine/)
  })

  it.each([
    [maps, {}, /give itemReaderKeys.*give resultWriterKeys/s],
    [definitionOf({ Greet: 30 }), { itemReaderKeys: 'lists/*' }, /itemReaderKeys is "lists\/\*"/],
  ])('names keys for its Maps, and none without them', (definition, keys, message) => {
    expect(() => withMaps(definition, keys)).toThrow(message)
  })
})

describe('what does not fit together', () => {
  const greet = fileOf(definitionOf({ Greet: 30 }))
  const faults: [string, Partial<WorkflowProps>, RegExp][] = [
    ['a placeholder without a task', { tasks: {} }, /names \$\{Greet\}, and no task/],
    [
      'a task without a placeholder',
      { tasks: { Greet: { code: code() }, Grat: { code: code() } } },
      /never names the task Grat/,
    ],
    [
      'a placeholder without its substitution',
      { definitionFile: fileOf({ ...definitionOf({ Greet: 30 }), Comment: 'at ${Place}' }) },
      /has \$\{Place\}, and no substitution/,
    ],
    [
      'a substitution without its placeholder',
      { substitutions: { Place: 'here' } },
      /no \$\{Place\} that the substitution Place could stand for/,
    ],
    ['a name that is none', { name: 'a b' }, /letters, digits/],
    ['a name that is too long', { name: 'a'.repeat(80) }, /1 to 80/],
    ['a pattern that is none', { trigger: { source: [] } }, /source/],
    [
      'a function that outlives its state',
      { tasks: { Greet: { code: code(), timeout: Duration.seconds(31) } } },
      /31 seconds, and its state gives up after 30/,
    ],
    ['a file that is no JSON', { definitionFile: textFile('{') }, /is not JSON/],
    ['a name that is taken', { name: 'training' }, /two workflows named "training"/],
    ['a function with no code', { tasks: { Greet: {} } }, /either an entry to bundle or prebuilt/],
    ['an entry that is not there', { tasks: { Greet: { entry: '/no/entry.ts' } } }, /no file is/],
    [
      'a use that is none',
      { tasks: { Greet: { code: code(), uses: ['table.got' as 'table.get'] } } },
      /"table.got" is no use/,
    ],
  ]

  it.each(faults)('%s is told', (_, props, message) => {
    const usual = {
      definitionFile: greet,
      name: 'greetings',
      tasks: { Greet: { code: code() } },
    }
    expect(() =>
      synthesized({}, (stack) => {
        const { platform } = stack
        new Workflow(stack, 'Wrong', { platform, ...usual, ...props })
      }),
    ).toThrow(message)
  })

  it('is told all at once', () => {
    expect(() =>
      synthesized({}, (stack) => {
        const { platform } = stack
        const tasks = { Other: { code: code() } }
        new Workflow(stack, 'Wrong', { platform, name: 'a b', definitionFile: greet, tasks })
      }),
    ).toThrow(/a b.*\$\{Greet\}.*Other/s)
  })
})

describe('the time of a task', () => {
  it('is the shortest of the states that call it, wherever they are', () => {
    const inner = definitionOf({ Greet: 10, Note: 20 })
    const definition = {
      ...definitionOf({ Greet: 30 }),
      Map: { Type: 'Map', ItemProcessor: inner },
      Old: { Type: 'Task', Parameters: { FunctionName: '${Note}' }, TimeoutSeconds: 5 },
      Untimed: { Type: 'Task', Arguments: { FunctionName: '${Later}' } },
    }
    expect(Object.fromEntries(taskTimeouts(definition))).toEqual({ Greet: 10, Note: 5 })
  })

  it('is within the five minutes of an Express child', () => {
    const child = distributedMap({}, { Greet: 900, Note: 120 }, 'EXPRESS')
    const standard = distributedMap({}, { Later: 900 }, 'STANDARD')
    expect(Object.fromEntries(taskTimeouts({ States: { child, standard } }))).toEqual({
      Greet: 300,
      Note: 120,
      Later: 900,
    })
  })
})

describe('the app', () => {
  it('reads the platform’s props from context', () => {
    const context: Record<string, string> = {
      removalPolicy: 'destroy',
      alarmEmail: 'ops@example.com',
      predictionsReservedConcurrency: 'none',
      trainingMemorySize: '10240',
      dashboard: 'false',
      restApi: 'true',
      authorizer: 'keys',
      sagemakerModel: 'ada/iris',
    }
    expect(contextProps((name) => context[name])).toEqual({
      removalPolicy: 'destroy',
      alarmEmail: 'ops@example.com',
      predictionsReservedConcurrency: 'none',
      trainingMemorySize: 10240,
      dashboard: false,
      restApi: {},
      authorizer: 'keys',
      sagemakerModel: 'ada/iris',
    })
    expect(contextProps(() => undefined)).toEqual({})
  })

  it.each([
    ['removalPolicy', 'delete'],
    ['authorizer', 'jwt'],
    ['alarmEmail', 'ops'],
    ['predictionsReservedConcurrency', '-1'],
    ['trainingMemorySize', '3GB'],
    ['dashboard', 'yes'],
    ['restApi', 'false'],
  ])('refuses %s=%s, and says what it takes', (name, value) => {
    const read = () => contextProps((asked) => (asked === name ? value : undefined))
    expect(read).toThrow(`the context "${name}" takes`)
    expect(read).toThrow(JSON.stringify(value))
  })

  it('has one stack, named by its context', () => {
    const functionsDirectory = standInBundles()
    const stackNames = (context: object) =>
      millraceApp(new App({ context: { functionsDirectory, ...context } })).node.children.map(
        (child) => (child as Stack).stackName,
      )
    expect(stackNames({})).toEqual(['Millrace'])
    expect(stackNames({ stackName: 'Millrace-staging' })).toEqual(['Millrace-staging'])
    expect(() => stackNames({ stackName: 'a b' })).toThrow('stackName')
  })

  it('describes the stack, and brings no metadata of CDK', () => {
    const app = millraceApp(new App({ context: { functionsDirectory: standInBundles() } }))
    const template = Template.fromStack(app.node.findChild('Millrace') as Stack)
    expect(template.toJSON()['Description']).toMatch(/^Millrace/)
    template.resourceCountIs('AWS::CDK::Metadata', 0)
  })
})

/** States that call the tasks named, one after the other, each with its seconds. */
function definitionOf(tasks: Readonly<Record<string, number>>) {
  const names = Object.keys(tasks)
  return {
    QueryLanguage: 'JSONata',
    StartAt: names[0],
    States: Object.fromEntries(
      names.map((name, i) => [
        name,
        {
          Type: 'Task',
          Resource: 'arn:aws:states:::lambda:invoke',
          Arguments: { FunctionName: `\${${name}}` },
          TimeoutSeconds: tasks[name],
          ...(i + 1 < names.length ? { Next: names[i + 1] } : { End: true }),
        },
      ]),
    ),
  }
}

/** A distributed Map whose processor calls tasks. */
function distributedMap(
  fields: object,
  tasks: Readonly<Record<string, number>> = { Greet: 30 },
  ExecutionType = 'EXPRESS',
): object {
  const ProcessorConfig = { Mode: 'DISTRIBUTED', ExecutionType }
  return { Type: 'Map', ItemProcessor: { ProcessorConfig, ...definitionOf(tasks) }, ...fields }
}

function reader(action: string, parameters: object): object {
  return {
    Resource: `arn:aws:states:::s3:${action}`,
    ReaderConfig: { InputType: 'JSON' },
    Parameters: parameters,
  }
}

function fileOf(definition: object): string {
  return textFile(JSON.stringify(definition, null, 2))
}

let files = 0

function textFile(text: string): string {
  const path = join(directory, `${files++}.asl.json`)
  writeFileSync(path, text)
  return path
}

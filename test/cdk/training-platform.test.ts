import { readFileSync } from 'node:fs'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { Match } from 'aws-cdk-lib/assertions'
import { describe, expect, it } from 'vitest'
import { matchesPattern, servingDriftPattern, type EventPattern } from '../../events/index.ts'
import { placesVariable, settingsVariables } from '../../platform/aws/settings.ts'
import { uploadEvent } from '../../platform/testing/index.ts'
import { taskTimeouts } from '../../cdk/task-timeouts.ts'
import { placeholdersOf, substitutionsOf } from '../../workflows/workflow.ts'
import { listOf, ofType, resourcesOf, statementsOf, synthesized, written } from './synthesized.ts'

const { stack, template } = synthesized()

describe('the bucket', () => {
  it('keeps versions, encrypts, takes TLS alone, and is nobody else’s', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } },
        ],
      },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    })
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Action: 's3:*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          }),
        ]),
      },
    })
  })

  it('tells EventBridge of its objects, without a function of a custom resource', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    })
    const types = Object.values(resourcesOf(template)).map(({ Type }) => Type)
    expect(types.filter((type) => /^Custom::|CustomResource$/.test(type))).toEqual([])
    expect(types).not.toContain('AWS::StepFunctions::StateMachineVersion')
    expect(types).not.toContain('AWS::StepFunctions::StateMachineAlias')
  })

  it('moves former versions to cheaper storage, and deletes what was aborted, rejected or predicted', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: [
          { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
          {
            NoncurrentVersionTransitions: [{ StorageClass: 'GLACIER_IR', TransitionInDays: 30 }],
            NoncurrentVersionExpiration: Match.absent(),
          },
          { Prefix: 'quarantine/', ExpirationInDays: 90 },
          { Prefix: 'inputs/', ExpirationInDays: 30 },
        ],
      },
    })
  })

  it('deletes former versions where it is told to', () => {
    const { template: expiring } = synthesized({
      noncurrentVersionExpiration: Duration.days(400),
      quarantineExpiration: Duration.days(5),
    })
    expiring.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ NoncurrentVersionExpiration: { NoncurrentDays: 400 } }),
          Match.objectLike({ Prefix: 'quarantine/', ExpirationInDays: 5 }),
        ]),
      },
    })
  })
})

describe('the table', () => {
  it('has the keys, the stream and the expiry that the adapters use, and can be restored', () => {
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      DeletionProtectionEnabled: true,
    })
  })
})

describe('what is kept when the stack goes', () => {
  const keepers = [
    'AWS::S3::Bucket',
    'AWS::DynamoDB::Table',
    'AWS::SQS::Queue',
    'AWS::Logs::LogGroup',
  ]

  it.each(keepers)('%s is kept', (type) => {
    for (const resource of Object.values(ofType(template, type))) {
      expect(resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })
    }
  })

  it('has the ids by which an upgrade finds it, instead of making another', () => {
    expect(Object.keys(ofType(template, 'AWS::S3::Bucket'))).toEqual(['PlatformBucketF77E3768'])
    expect(Object.keys(ofType(template, 'AWS::DynamoDB::Table'))).toEqual(['PlatformTableE7089B95'])
  })

  it('goes where that is asked for', () => {
    const { template: passing } = synthesized({ removalPolicy: RemovalPolicy.DESTROY })
    for (const resource of keepers.flatMap((type) => Object.values(ofType(passing, type)))) {
      expect(resource).toMatchObject({ DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' })
    }
    passing.hasResourceProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: false })
  })

  it('keeps published versions of functions, which executions may be running', () => {
    const versions = Object.values(ofType(template, 'AWS::Lambda::Version'))
    expect(versions).toHaveLength(21)
    for (const version of versions) expect(version).toMatchObject({ DeletionPolicy: 'Retain' })
  })
})

/** What a state machine may do beside invoking its functions. */
const besides: Readonly<Record<string, readonly string[]>> = {
  training: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
  batch: [
    ...['states:StartExecution', 'states:DescribeExecution', 'states:StopExecution'],
    ...['states:RedriveExecution', 's3:GetObject', 's3:PutObject', 's3:GetObject'],
    ...['s3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
  ],
}

describe.each(['training', 'batch', 'retraining'])('the %s state machine', (name) => {
  const file = definitionOf(name)
  const stateMachineName = `Millrace-${name}`
  const construct = `Platform${name[0]!.toUpperCase()}${name.slice(1)}`
  const properties = Object.values(ofType(template, 'AWS::StepFunctions::StateMachine'))
    .map(({ Properties }) => Properties)
    .find((one) => one['StateMachineName'] === stateMachineName)!

  it('is the definition file, byte for byte, with the functions in its placeholders', () => {
    expect(properties['DefinitionString']).toBe(file)
    const substitutions = properties['DefinitionSubstitutions'] as Record<string, unknown>
    const tasks = placeholdersOf(JSON.parse(file))
    const others = substitutionsOf(JSON.parse(file))
    expect(new Set(Object.keys(substitutions))).toEqual(new Set([...tasks, ...others]))
    const versions = Object.keys(ofType(template, 'AWS::Lambda::Version'))
    for (const task of tasks) {
      expect(versions).toContain((substitutions[task] as { Ref: string }).Ref)
    }
  })

  it('passes asl-validator as it is deployed', async () => {
    const validate = (await import('asl-validator')).default
    const substitutions = properties['DefinitionSubstitutions'] as Record<string, unknown>
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:f:1'
    const deployed = Object.keys(substitutions).reduce(
      (text, name) => text.replaceAll(`\${${name}}`, arn),
      properties['DefinitionString'] as string,
    )
    expect(deployed).not.toContain('${')
    expect(validate(JSON.parse(deployed) as object).isValid).toBe(true)
  })

  it('is named for the platform, traced, and logs its errors without data', () => {
    expect(properties).toMatchObject({
      StateMachineName: stateMachineName,
      StateMachineType: 'STANDARD',
      TracingConfiguration: { Enabled: true },
      LoggingConfiguration: { Level: 'ERROR', IncludeExecutionData: false },
    })
  })

  it('may invoke published versions of exactly the functions that it names', () => {
    const statements = statementsOf(template, `${construct}RoleDefaultPolicy`)
    const invoke = statements.filter(({ Action }) => Action === 'lambda:InvokeFunction')
    expect(invoke).toHaveLength(1)
    const allowed = listOf(invoke[0]!.Resource).map(written).sort()
    const named = Object.values(ofType(template, 'AWS::Lambda::Version'))
      .map(({ Properties }) => (Properties['FunctionName'] as { Ref: string }).Ref)
      .filter((made) => made.startsWith(construct))
      .map((made) => `<${made}.Arn>:*`)
    expect(allowed).toEqual(named.sort())
    const others = statements
      .flatMap(({ Action }) => listOf(Action))
      .filter((action) => !/^(logs|xray):/.test(action))
    expect(others).toEqual(['lambda:InvokeFunction', ...(besides[name] ?? [])])
  })
})

describe('the functions', () => {
  const functions = ofType(template, 'AWS::Lambda::Function')

  it('run on Node 24 on arm64, from bundles, with source maps and a log group of their own', () => {
    expect(Object.keys(functions)).toHaveLength(28)
    const logGroups = new Set<string>()
    for (const { Properties } of Object.values(functions)) {
      expect(Properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        Environment: { Variables: { NODE_OPTIONS: '--enable-source-maps' } },
      })
      const { LogGroup } = Properties['LoggingConfig'] as { LogGroup: { Ref: string } }
      logGroups.add(LogGroup.Ref)
    }
    expect(logGroups.size).toBe(28)
    for (const { Properties } of Object.values(ofType(template, 'AWS::Logs::LogGroup'))) {
      expect(Properties['RetentionInDays']).toBe(90)
    }
  })

  it('know where the platform is, by the variables that its adapters read', () => {
    const expected = Object.values(settingsVariables)
    for (const { Properties } of Object.values(functions)) {
      const { Variables } = Properties['Environment'] as { Variables: Record<string, unknown> }
      expect(Object.keys(Variables)).toEqual(expect.arrayContaining(expected))
      const machines = JSON.parse(written(Variables['MILLRACE_STATE_MACHINES'])) as object
      const arn = 'arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:'
      expect(machines).toEqual({
        training: `${arn}Millrace-training`,
        batch: `${arn}Millrace-batch`,
        retraining: `${arn}Millrace-retraining`,
      })
    }
  })

  it('have as long as the states that call them, and no longer', () => {
    const timeouts = taskTimeouts(JSON.parse(definitionOf('training')))
    expect(timeouts.size).toBe(11)
    for (const [task, seconds] of timeouts) {
      const [id] = Object.keys(functions).filter((one) =>
        new RegExp(`^PlatformTraining${task}[0-9A-F]{8}$`).test(one),
      )
      expect(functions[id!]!.Properties['Timeout'], task).toBe(seconds)
    }
  })

  it('train in one place, unless there is a larger function or a container', () => {
    const places = Object.values(functions).flatMap(({ Properties }) => {
      const { Variables } = Properties['Environment'] as { Variables: Record<string, string> }
      return Variables[placesVariable] ?? []
    })
    const memoryBytes = 3008 * 1024 ** 2
    const told = [{ name: 'function', memoryBytes, seconds: 900 }]
    expect(places.map((place) => JSON.parse(place) as unknown)).toEqual([told, told])
    expect(Object.keys(ofType(template, 'AWS::ECS::Cluster'))).toEqual([])
  })

  it('set concurrency aside for predictions, and none for trainings', () => {
    for (const [id, { Properties }] of Object.entries(functions)) {
      const reserved = Properties['ReservedConcurrentExecutions']
      expect(reserved, id).toBe(id.startsWith('PlatformPredictions') ? 100 : undefined)
    }
    const { template: small } = synthesized({ predictionsReservedConcurrency: 'none' })
    for (const { Properties } of Object.values(ofType(small, 'AWS::Lambda::Function'))) {
      expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions')
    }
  })

  it('have the memory that is asked for', () => {
    const { template: large } = synthesized({
      trainingMemorySize: 10240,
      predictionsMemorySize: 1769,
    })
    const memory = (name: string) =>
      Object.entries(ofType(large, 'AWS::Lambda::Function')).find(([id]) =>
        new RegExp(`^${name}[0-9A-F]{8}$`).test(id),
      )?.[1].Properties['MemorySize']
    expect(memory('PlatformTrainingTrain')).toBe(10240)
    expect(memory('PlatformTrainingValidate')).toBe(10240)
    expect(memory('PlatformTrainingClaim')).toBe(512)
    expect(memory('PlatformPredictions')).toBe(1769)
  })

  it('says what is missing where there are no bundles', () => {
    expect(() => synthesized({ functionsDirectory: '/nowhere' })).toThrow('npm run build')
  })
})

describe('the rules', () => {
  const rules = Object.values(ofType(template, 'AWS::Events::Rule')).map(
    ({ Properties }) => Properties,
  )
  const ruleOf = (description: RegExp) =>
    rules.find((rule) => description.test(rule['Description'] as string))!

  it('start a training for each upload to this bucket, and keep what cannot be delivered', () => {
    const rule = ruleOf(/^Starts/)
    expect(rule['Targets']).toEqual([
      expect.objectContaining({
        Arn: { Ref: expect.stringMatching(/^PlatformTrainingStateMachine/) as string },
        RetryPolicy: { MaximumEventAgeInSeconds: 86400, MaximumRetryAttempts: 185 },
        DeadLetterConfig: {
          Arn: {
            'Fn::GetAtt': [expect.stringMatching(/^PlatformUndeliveredEvents/) as string, 'Arn'],
          },
        },
      }),
    ])
    const pattern = inBucket(rule['EventPattern'])
    for (const key of ['uploads/iris.npy', 'uploads/ada/iris.csv', 'uploads/a/b/c.npy']) {
      expect(matchesPattern(pattern, uploadEvent(key, { bucket: 'its-own' }))).toBe(true)
      expect(matchesPattern(pattern, uploadEvent(key, { bucket: 'another' }))).toBe(false)
    }
    for (const key of ['uploads/iris.npy.json', 'models/ada/iris/x.npy', 'quarantine/x.npy']) {
      expect(matchesPattern(pattern, uploadEvent(key, { bucket: 'its-own' }))).toBe(false)
    }
  })

  it('put the ends of training executions on the queue, from where they come in batches', () => {
    const rule = ruleOf(/^Ends of .* training executions/)
    expect(rule['EventPattern']).toEqual({
      source: ['aws.states'],
      'detail-type': ['Step Functions Execution Status Change'],
      detail: {
        stateMachineArn: [
          { Ref: expect.stringMatching(/^PlatformTrainingStateMachine/) as string },
        ],
        status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
      },
    })
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 5,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^PlatformQueue'), 'Arn'] },
      FunctionName: { Ref: Match.stringLikeRegexp('^PlatformMessages') },
    })
  })

  it('starts a retraining by drift in what is served, and records its end however it came', () => {
    expect(ruleOf(/^Starts .* retraining$/)).toMatchObject({
      EventPattern: servingDriftPattern,
      Targets: [{ Arn: { Ref: expect.stringMatching(/^PlatformRetraining/) as string } }],
    })
    expect(ruleOf(/^Ends of executions of .* retraining$/)).toMatchObject({
      EventPattern: {
        source: ['aws.states'],
        detail: { status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'] },
      },
      Targets: [
        {
          Arn: {
            'Fn::GetAtt': [expect.stringMatching(/^PlatformRetrainingOnExecutionEnd/), 'Arn'],
          },
        },
      ],
    })
  })

  it('sweep every five minutes, and tell of drift', () => {
    expect(ruleOf(/^Looks/)).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      Targets: [{ Input: '{"graceSeconds":300}' }],
    })
    expect(ruleOf(/^Drift/)).toMatchObject({
      EventPattern: { source: ['millrace'], 'detail-type': ['Drift Detected'] },
      Targets: [{ Arn: { Ref: expect.stringMatching(/^PlatformAlarmTopic/) as string } }],
    })
  })
})

describe('the queues', () => {
  const queues = ofType(template, 'AWS::SQS::Queue')

  it('are encrypted and take TLS alone', () => {
    for (const { Properties } of Object.values(queues)) {
      expect(Properties['SqsManagedSseEnabled']).toBe(true)
    }
    const policies = Object.values(ofType(template, 'AWS::SQS::QueuePolicy'))
    expect(policies).toHaveLength(Object.keys(queues).length)
    for (const { Properties } of policies) {
      expect(JSON.stringify(Properties)).toContain('"aws:SecureTransport":"false"')
    }
  })

  it('give a batch six times its time, and set a message aside after five deliveries', () => {
    const [messages] = Object.entries(ofType(template, 'AWS::Lambda::Function')).filter(([id]) =>
      /^PlatformMessages/.test(id),
    )
    const [, { Properties }] = Object.entries(queues).find(([id]) => /^PlatformQueue/.test(id))!
    expect(Properties['VisibilityTimeout']).toBeGreaterThanOrEqual(
      6 * (messages![1].Properties['Timeout'] as number),
    )
    expect(Properties['RedrivePolicy']).toMatchObject({ maxReceiveCount: 5 })
  })
})

describe('a platform’s name', () => {
  it('is one that state machines can begin with', () => {
    expect(() => synthesized({ platformName: 'a b' })).toThrow('platformName')
    expect(stack.platform.platformName).toBe('Millrace')
  })
})

/** A pattern of the template with the bucket's name in its place. */
function inBucket(pattern: unknown): EventPattern {
  return JSON.parse(
    JSON.stringify(pattern).replace(/\{"Ref":"PlatformBucket\w+"\}/, '"its-own"'),
  ) as EventPattern
}

function definitionOf(workflow: string): string {
  return readFileSync(new URL(`../../workflows/${workflow}.asl.json`, import.meta.url), 'utf8')
}

import { App, Duration, Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { CognitoUserPoolsAuthorizer } from 'aws-cdk-lib/aws-apigateway'
import { UserPool } from 'aws-cdk-lib/aws-cognito'
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam'
import { describe, expect, it } from 'vitest'
import { TrainingPlatform } from '../../cdk/training-platform.ts'
import { standInBundles } from './bundles.ts'
import { listOf, ofType, resourcesOf, statementsOf, synthesized, written } from './synthesized.ts'

const { template } = synthesized()

describe('the HTTP API', () => {
  it('takes predictions to their function and all else to the API, from callers IAM allows', () => {
    const routes = Object.values(ofType(template, 'AWS::ApiGatewayV2::Route'))
    expect(
      Object.fromEntries(
        routes.map(({ Properties }) => [
          Properties['RouteKey'],
          [Properties['AuthorizationType'], targetOf(Properties['Target'])],
        ]),
      ),
    ).toEqual({
      'POST /prediction': ['AWS_IAM', 'PlatformPredictions'],
      'POST /models/{user}/{dataset}/predictions': ['AWS_IAM', 'PlatformPredictions'],
      $default: ['AWS_IAM', 'PlatformApi'],
    })
  })

  it('logs each request, without its query, and limits their rate', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
      AccessLogSettings: { Format: Match.stringLikeRegexp('requestId') },
    })
    const [stage] = Object.values(ofType(template, 'AWS::ApiGatewayV2::Stage'))
    const { Format } = stage!.Properties['AccessLogSettings'] as { Format: string }
    expect(JSON.parse(Format)).toMatchObject({ status: '$context.status' })
    expect(Format).not.toMatch(/query/i)
  })

  it('is public where that is asked for, and nowhere else', () => {
    const { template: open } = synthesized({ authorizer: 'none' })
    for (const { Properties } of Object.values(ofType(open, 'AWS::ApiGatewayV2::Route'))) {
      expect(Properties['AuthorizationType']).toBe('NONE')
    }
  })

  function targetOf(target: unknown): string {
    const id = /integrations\/<(.*)>/.exec(written(target))![1]!
    const { IntegrationUri } = resourcesOf(template)[id]!.Properties
    return written(IntegrationUri).replace(/^<(\w+?)[0-9A-F]{8}\.Arn>$/, '$1')
  }
})

describe('alarms', () => {
  const alarms = Object.values(ofType(template, 'AWS::CloudWatch::Alarm')).map(
    ({ Properties }) => Properties,
  )

  it('watch executions, dead letters, the API and the predictions, and tell the topic', () => {
    const watched = alarms.map(
      (alarm) => `${String(alarm['Namespace'])} ${String(alarm['MetricName'])}`,
    )
    expect(watched.sort()).toEqual([
      'AWS/ApiGateway 5xx',
      'AWS/Lambda Duration',
      'AWS/Lambda Errors',
      'AWS/Lambda Throttles',
      'AWS/SQS ApproximateNumberOfMessagesVisible',
      'AWS/SQS ApproximateNumberOfMessagesVisible',
      // Of trainings, of batches and of retrainings.
      'AWS/States ExecutionsAborted',
      'AWS/States ExecutionsAborted',
      'AWS/States ExecutionsAborted',
      'AWS/States ExecutionsFailed',
      'AWS/States ExecutionsFailed',
      'AWS/States ExecutionsFailed',
      'AWS/States ExecutionsTimedOut',
      'AWS/States ExecutionsTimedOut',
      'AWS/States ExecutionsTimedOut',
    ])
    for (const alarm of alarms) {
      expect(alarm['AlarmActions']).toEqual([
        { Ref: expect.stringMatching(/^PlatformAlarmTopic/) as string },
      ])
      expect(alarm['TreatMissingData']).toBe('notBreaching')
    }
  })

  it('judge predictions by their slowest hundredth', () => {
    const [slow] = alarms.filter((alarm) => alarm['MetricName'] === 'Duration')
    expect(slow).toMatchObject({ ExtendedStatistic: 'p99', Threshold: 1000 })
  })

  it('are told on an encrypted topic, to an address where there is one', () => {
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() })
    template.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true })
    template.resourceCountIs('AWS::SNS::Subscription', 0)
    const { template: mailed } = synthesized({ alarmEmail: 'ops@example.com' })
    mailed.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    })
  })

  it('has a dashboard, unless it is turned off', () => {
    template.resourceCountIs('AWS::CloudWatch::Dashboard', 1)
    synthesized({ dashboard: false }).template.resourceCountIs('AWS::CloudWatch::Dashboard', 0)
  })
})

describe('provisioned concurrency', () => {
  it('keeps instances of an alias started, follows their use, and serves by it', () => {
    const { template: warm } = synthesized({ predictionsProvisionedConcurrency: 2 })
    warm.hasResourceProperties('AWS::Lambda::Alias', {
      ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 2 },
    })
    warm.hasResourceProperties('AWS::ApplicationAutoScaling::ScalableTarget', {
      MinCapacity: 2,
      MaxCapacity: 20,
    })
    warm.hasResourceProperties('AWS::ApplicationAutoScaling::ScalingPolicy', {
      PolicyType: 'TargetTrackingScaling',
      TargetTrackingScalingPolicyConfiguration: { TargetValue: 0.7 },
    })
    const [alias] = Object.keys(ofType(warm, 'AWS::Lambda::Alias'))
    const uris = Object.values(ofType(warm, 'AWS::ApiGatewayV2::Integration')).map(
      ({ Properties }) => written(Properties['IntegrationUri']),
    )
    expect(uris).toContain(`<${alias}>`)
  })

  it('is within what is set aside', () => {
    expect(() =>
      synthesized({ predictionsProvisionedConcurrency: 20, predictionsReservedConcurrency: 10 }),
    ).toThrow('set aside')
  })
})

describe('outputs', () => {
  it('have the names by which the command finds them', () => {
    const { Outputs } = template.toJSON() as { Outputs: object }
    expect(Object.keys(Outputs).sort()).toEqual([
      'AlarmTopicArn',
      'ApiUrl',
      'BucketName',
      'DeadLetterQueueUrl',
      'QueueUrl',
      'RetrainingStateMachineArn',
      'TableName',
      'TrainingStateMachineArn',
    ])
    expect(synthesized({ outputs: false }).template.toJSON()).not.toHaveProperty('Outputs')
  })
})

describe('grants', () => {
  it('reach as far as they say', () => {
    const { template: granting } = synthesized({}, (stack) => {
      const role = new Role(stack, 'Someone', { assumedBy: new AccountRootPrincipal() })
      stack.platform.grantUpload(role)
      stack.platform.grantPredict(role)
      stack.platform.grantStartTraining(role)
      stack.platform.grantRead(role)
    })
    const statements = statementsOf(granting, 'SomeoneDefaultPolicy')
    const resourcesFor = (action: string) =>
      statements
        .filter(({ Action }) => listOf(Action).includes(action))
        .flatMap(({ Resource }) => listOf(Resource).map(written))
    expect(resourcesFor('s3:PutObject')).toEqual([
      expect.stringMatching(/^<PlatformBucket\w+\.Arn>\/uploads\/\*$/) as string,
    ])
    expect(resourcesFor('execute-api:Invoke')).toEqual([
      expect.stringMatching(/\/\$default\/POST\/prediction$/) as string,
      expect.stringMatching(/\/\$default\/POST\/models\/\*\/predictions$/) as string,
    ])
    expect(resourcesFor('states:StartExecution')).toEqual([
      expect.stringMatching(/^<PlatformTrainingStateMachine\w+>$/) as string,
    ])
    expect(resourcesFor('dynamodb:PutItem')).toEqual([])
    expect(resourcesFor('dynamodb:Query')).toHaveLength(1)
  })
})

describe('the REST API', () => {
  const { template: rest } = synthesized({
    restApi: { cacheTtl: Duration.seconds(30), monthlyQuota: 1_000_000 },
  })

  it('asks for an API key and for what IAM allows, on every method', () => {
    const methods = Object.values(ofType(rest, 'AWS::ApiGateway::Method'))
    expect(methods).toHaveLength(12)
    for (const { Properties } of methods) {
      expect(Properties).toMatchObject({ ApiKeyRequired: true, AuthorizationType: 'AWS_IAM' })
    }
    rest.hasResourceProperties('AWS::ApiGateway::UsagePlan', {
      Throttle: { RateLimit: 100, BurstLimit: 200 },
      Quota: { Limit: 1_000_000, Period: 'MONTH' },
    })
    rest.resourceCountIs('AWS::ApiGateway::UsagePlanKey', 1)
  })

  it('caches what is asked about models, encrypted, and nothing else', () => {
    const [stage] = Object.values(ofType(rest, 'AWS::ApiGateway::Stage'))
    expect(stage!.Properties).toMatchObject({ CacheClusterEnabled: true, CacheClusterSize: '0.5' })
    const settings = stage!.Properties['MethodSettings'] as Record<string, unknown>[]
    const cached = settings.filter((setting) => setting['CachingEnabled'] === true)
    expect(cached.map((setting) => setting['HttpMethod'])).toEqual(['GET', 'GET', 'GET'])
    expect(cached.map((setting) => setting['ResourcePath'])).toEqual([
      '/~1models',
      '/~1models~1{user}~1{dataset}',
      '/~1models~1{user}~1{dataset}~1versions~1{version}',
    ])
    for (const setting of cached) {
      expect(setting).toMatchObject({ CacheTtlInSeconds: 30, CacheDataEncrypted: true })
    }
  })

  it('hands every method of every resource to a function', () => {
    const methods = Object.values(ofType(rest, 'AWS::ApiGateway::Method'))
    const byResource = Map.groupBy(methods, ({ Properties }) =>
      JSON.stringify(Properties['ResourceId']),
    )
    for (const group of byResource.values()) {
      expect(group.map(({ Properties }) => Properties['HttpMethod'])).toContain('ANY')
    }
  })

  it('caches nothing where answers depend on who asks', () => {
    const app = new App()
    const stack = new Stack(app, 'Pool')
    const authorizer = new CognitoUserPoolsAuthorizer(stack, 'Authorizer', {
      cognitoUserPools: [UserPool.fromUserPoolId(stack, 'Imported', 'eu-central-1_abc')],
    })
    new TrainingPlatform(stack, 'Platform', {
      functionsDirectory: standInBundles(),
      restApi: { authorizer },
    })
    const [stage] = Object.values(ofType(Template.fromStack(stack), 'AWS::ApiGateway::Stage'))
    expect(JSON.stringify(stage)).not.toContain('"CachingEnabled":true')
    expect(stage!.Properties['CacheClusterEnabled'] ?? false).toBe(false)
  })

  it('tells answers in the cache apart by all that they depend on', () => {
    const gets = Object.values(ofType(rest, 'AWS::ApiGateway::Method')).filter(
      ({ Properties }) => Properties['HttpMethod'] === 'GET',
    )
    const keys = gets.map(
      ({ Properties }) =>
        (Properties['Integration'] as { CacheKeyParameters: string[] }).CacheKeyParameters,
    )
    const page = ['method.request.querystring.cursor', 'method.request.querystring.limit']
    const model = ['method.request.path.user', 'method.request.path.dataset']
    expect(new Set(keys)).toEqual(
      new Set([page, [...model, ...page], [...model, 'method.request.path.version']]),
    )
  })

  it('stands behind WAF, which lets the bodies of predictions through', () => {
    rest.hasResourceProperties('AWS::WAFv2::WebACL', {
      Scope: 'REGIONAL',
      Rules: [
        { Action: { Block: {} }, Statement: { RateBasedStatement: { Limit: 2000 } } },
        {
          Statement: {
            ManagedRuleGroupStatement: {
              Name: 'AWSManagedRulesCommonRuleSet',
              RuleActionOverrides: [{ Name: 'SizeRestrictions_BODY', ActionToUse: { Count: {} } }],
            },
          },
        },
      ],
    })
    rest.resourceCountIs('AWS::WAFv2::WebACLAssociation', 1)
    template.resourceCountIs('AWS::WAFv2::WebACL', 0)
  })
})

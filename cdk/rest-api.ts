import { Duration } from 'aws-cdk-lib'
import {
  AccessLogFormat,
  ApiKeySourceType,
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  Period,
  RestApi,
  type IAuthorizer,
  type MethodDeploymentOptions,
  type MethodOptions,
} from 'aws-cdk-lib/aws-apigateway'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { predictionPaths } from './http-api.ts'
import { serviceLogGroup } from './logs.ts'
import type { PlatformResources } from './platform-resources.ts'
import { webAcl } from './web-acl.ts'

/** A REST API beside the HTTP API, for what only REST APIs have: caching, usage plans and WAF. */
export interface RestApiOptions {
  /**
   * How long answers about models are kept in the cache.
   *
   * @default Duration.seconds(60)
   */
  readonly cacheTtl?: Duration
  /**
   * Size of the cache in GB: 0.5, 1.6, 6.1, 13.5, 28.4, 58.2, 118 or 237. It costs by the hour.
   *
   * @default '0.5'
   */
  readonly cacheClusterSize?: string
  /**
   * Requests a second for each API key.
   *
   * @default 100
   */
  readonly rateLimit?: number
  /**
   * Requests at once for each API key.
   *
   * @default 200
   */
  readonly burstLimit?: number
  /**
   * Requests a month for each API key.
   *
   * @default - no limit
   */
  readonly monthlyQuota?: number
  /**
   * Requests in five minutes from one address, beyond which WAF turns it away.
   *
   * @default 2000
   */
  readonly addressRateLimit?: number
  /**
   * Who may call, beside having an API key. Answers are then not cached, since they depend on who asks.
   *
   * @default - callers that IAM allows, by signed requests; all of them see everything
   */
  readonly authorizer?: IAuthorizer
}

/** The GETs whose answers are cached, with the parameters that tell them apart. */
const cachedPaths = {
  '/models': ['querystring.cursor', 'querystring.limit'],
  '/models/{user}/{dataset}': [
    'path.user',
    'path.dataset',
    'querystring.cursor',
    'querystring.limit',
  ],
  '/models/{user}/{dataset}/versions/{version}': ['path.user', 'path.dataset', 'path.version'],
} as const

/** On the way to a path that is cached. */
const versionsPath = '/models/{user}/{dataset}/versions'

/** The REST API with its stage `v1`, a usage plan, a first API key, and WAF before it. */
export class PlatformRestApi extends Construct {
  readonly api: RestApi

  constructor(
    scope: Construct,
    id: string,
    platform: PlatformResources,
    functions: { readonly api: IFunction; readonly predictions: IFunction },
    options: RestApiOptions,
  ) {
    super(scope, id)
    const { rateLimit = 100, burstLimit = 200, monthlyQuota, authorizer } = options
    const isCached = authorizer === undefined
    this.api = new RestApi(this, 'Api', {
      restApiName: `${platform.platformName}-rest`,
      description: 'Upload a dataset, follow its training, ask the model.',
      endpointTypes: [EndpointType.REGIONAL],
      apiKeySourceType: ApiKeySourceType.HEADER,
      cloudWatchRole: true,
      defaultMethodOptions: {
        apiKeyRequired: true,
        ...(authorizer === undefined
          ? { authorizationType: AuthorizationType.IAM }
          : { authorizer }),
      },
      deployOptions: {
        stageName: 'v1',
        loggingLevel: MethodLoggingLevel.ERROR,
        metricsEnabled: true,
        accessLogDestination: new LogGroupLogDestination(
          serviceLogGroup(this, 'Logs', 'rest-api', platform),
        ),
        accessLogFormat: AccessLogFormat.jsonWithStandardFields(),
        cachingEnabled: false,
        ...(isCached
          ? {
              cacheClusterEnabled: true,
              cacheClusterSize: options.cacheClusterSize ?? '0.5',
              methodOptions: cachedMethods(options.cacheTtl ?? Duration.seconds(60)),
            }
          : {}),
      },
    })
    // Named `RestApiUrl` among the outputs of the platform.
    this.api.node.tryRemoveChild('Endpoint')
    this.#addMethods(functions)
    const plan = this.api.addUsagePlan('UsagePlan', {
      apiStages: [{ api: this.api, stage: this.api.deploymentStage }],
      throttle: { rateLimit, burstLimit },
      ...(monthlyQuota === undefined
        ? {}
        : { quota: { limit: monthlyQuota, period: Period.MONTH } }),
    })
    plan.addApiKey(this.api.addApiKey('ApiKey'))
    webAcl(this, 'WebAcl', {
      platformName: platform.platformName,
      addressRateLimit: options.addressRateLimit ?? 2000,
      resourceArn: this.api.deploymentStage.stageArn,
    })
    this.#acknowledge()
  }

  #addMethods({ api, predictions }: { api: IFunction; predictions: IFunction }): void {
    for (const path of predictionPaths) {
      this.#resource(path).addMethod('POST', new LambdaIntegration(predictions))
    }
    // A resource that is there hands what it has no method for to no proxy.
    for (const path of [...predictionPaths, ...Object.keys(cachedPaths), versionsPath]) {
      this.#resource(path).addMethod('ANY', new LambdaIntegration(api))
    }
    for (const [path, parameters] of Object.entries(cachedPaths)) {
      const keys = parameters.map((parameter) => `method.request.${parameter}`)
      const options: MethodOptions = {
        requestParameters: Object.fromEntries(keys.map((key) => [key, key.includes('.path.')])),
      }
      const integration = new LambdaIntegration(api, { cacheKeyParameters: keys })
      this.#resource(path).addMethod('GET', integration, options)
    }
    this.api.root.addResource('{proxy+}').addMethod('ANY', new LambdaIntegration(api))
  }

  #resource(path: string) {
    return this.api.root.resourceForPath(path)
  }

  #acknowledge(): void {
    acknowledge(
      this.api,
      'AwsSolutions-APIG2',
      'The functions validate every request by the schemas that the OpenAPI document shows, and name the field at fault.',
    )
    acknowledge(
      this.api,
      'AwsSolutions-COG4',
      'Callers are machines that IAM knows, or those whom the given authorizer lets in.',
    )
    acknowledge(
      this.api,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      'API Gateway takes this policy alone for the one role by which an account lets it write logs.',
    )
  }
}

/** Cached answers by resource and method, as a stage names them; encrypted. */
function cachedMethods(cacheTtl: Duration): Record<string, MethodDeploymentOptions> {
  return Object.fromEntries(
    Object.keys(cachedPaths).map((path) => [
      `${path}/GET`,
      { cachingEnabled: true, cacheDataEncrypted: true, cacheTtl },
    ]),
  )
}

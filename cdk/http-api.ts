import { AccessLogFormat, AccessLogField } from 'aws-cdk-lib/aws-apigateway'
import {
  HttpApi,
  HttpMethod,
  HttpNoneAuthorizer,
  HttpStage,
  LogGroupLogDestination,
  type IHttpRouteAuthorizer,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { serviceLogGroup } from './logs.ts'
import type { PlatformResources } from './platform-resources.ts'

export interface HttpApiOptions {
  readonly api: IFunction
  readonly predictions: IFunction
  readonly authorizer: IHttpRouteAuthorizer | 'none' | undefined
  /** Whether what describes the API is there for everyone, as people who are to sign in need it. */
  readonly describesItself: boolean
  readonly rateLimit: number
  readonly burstLimit: number
}

/** The paths that the predictions function answers, with POST; all else is the API function's. */
export const predictionPaths = ['/prediction', '/models/{user}/{dataset}/predictions'] as const

/** What the API function answers to everyone. */
const publicPaths = ['/health', '/openapi.json', '/docs', '/docs/{file}'] as const

/** One API: predictions to their own function, all else to the API's. */
export function httpApi(
  scope: Construct,
  id: string,
  platform: PlatformResources,
  options: HttpApiOptions,
): HttpApi {
  const { api: apiFunction, predictions, authorizer, rateLimit, burstLimit } = options
  const api = new HttpApi(scope, id, {
    apiName: platform.platformName,
    description: 'Upload a dataset, follow its training, ask the model.',
    createDefaultStage: false,
    defaultIntegration: new HttpLambdaIntegration('Api', apiFunction),
    defaultAuthorizer: authorizerOf(authorizer),
  })
  const stage = new HttpStage(scope, `${id}Stage`, {
    httpApi: api,
    stageName: '$default',
    autoDeploy: true,
    throttle: { rateLimit, burstLimit },
    accessLogSettings: {
      destination: new LogGroupLogDestination(
        serviceLogGroup(scope, `${id}Logs`, 'http-api', platform),
      ),
      format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
    },
  })
  for (const path of predictionPaths) {
    api.addRoutes({
      path,
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('Predictions', predictions),
    })
  }
  if (options.describesItself) {
    for (const path of publicPaths) {
      const routes = api.addRoutes({
        path,
        methods: [HttpMethod.GET],
        integration: new HttpLambdaIntegration('Public', apiFunction),
        authorizer: new HttpNoneAuthorizer(),
      })
      const reason = 'It says what the API is, and nothing of what is in it.'
      for (const route of routes) acknowledge(route, 'AwsSolutions-APIG4', reason)
    }
  }
  if (authorizer === 'none') {
    const reason = 'The API is public because its `authorizer` is given as "none".'
    acknowledge(api, 'AwsSolutions-APIG4', reason)
    acknowledge(stage, 'AwsSolutions-APIG4', reason)
  }
  return api
}

function authorizerOf(authorizer: HttpApiOptions['authorizer']): IHttpRouteAuthorizer {
  if (authorizer === 'none') return new HttpNoneAuthorizer()
  return authorizer ?? new HttpIamAuthorizer()
}

/** No query strings and no bodies. */
const accessLogFields = {
  requestId: AccessLogField.contextRequestId(),
  requestTime: AccessLogField.contextRequestTime(),
  ip: AccessLogField.contextIdentitySourceIp(),
  method: AccessLogField.contextHttpMethod(),
  path: AccessLogField.contextPath(),
  route: '$context.routeKey',
  status: AccessLogField.contextStatus(),
  responseBytes: AccessLogField.contextResponseLength(),
  responseMilliseconds: AccessLogField.contextResponseLatency(),
  integrationMilliseconds: AccessLogField.contextIntegrationLatency(),
  integrationError: AccessLogField.contextIntegrationErrorMessage(),
}

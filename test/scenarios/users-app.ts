import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { HttpUserPoolAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import {
  CfnUserPoolGroup,
  ClientAttributes,
  StringAttribute,
  UserPool,
} from 'aws-cdk-lib/aws-cognito'
import { Construct } from 'constructs'
import { prebuiltFunctionsDirectory } from '../../cdk/functions.ts'
import { httpApi } from '../../cdk/http-api.ts'
import { TrainingPlatform } from '../../cdk/index.ts'
import { apiAuthorizer, apiFunction, predictionsFunction } from '../../cdk/services.ts'

/**
 * A platform whose API asks for keys, and a second API on the same data that takes the tokens of a user
 * pool: both ways in for the price of one deployment.
 */
const app = new App()
const stack = new Stack(app, app.node.getContext('stackName') as string)
const removalPolicy = RemovalPolicy.DESTROY

const platform = new TrainingPlatform(stack, 'Platform', {
  authorizer: 'keys',
  sagemakerModel: 'ada/iris',
  removalPolicy,
  dashboard: false,
})

const pool = new UserPool(stack, 'People', {
  removalPolicy,
  customAttributes: { millrace_user: new StringAttribute({ mutable: true }) },
})
for (const role of ['owner', 'predictor']) {
  new CfnUserPoolGroup(stack, `Group-${role}`, {
    userPoolId: pool.userPoolId,
    groupName: `millrace-${role}`,
  })
}
const client = (id: string, validity: Duration) =>
  pool.addClient(id, {
    authFlows: { userPassword: true },
    accessTokenValidity: validity,
    idTokenValidity: validity,
    // With `custom:millrace_user` among them, people would say themselves who they are.
    writeAttributes: new ClientAttributes().withStandardAttributes({ email: true }),
  })
const known = client('Client', Duration.minutes(5))
const other = client('Other', Duration.minutes(5))

const tokens = new Construct(stack, 'Tokens')
const functions = prebuiltFunctionsDirectory()
const authorized = apiAuthorizer(
  tokens,
  platform,
  functions,
  new HttpUserPoolAuthorizer('Pool', pool, { userPoolClients: [known] }),
)
const api = httpApi(tokens, 'HttpApi', platform, {
  api: apiFunction(tokens, platform, functions, authorized),
  predictions: predictionsFunction(
    tokens,
    platform,
    functions,
    { predictionsReservedConcurrency: 'none' },
    authorized,
  ).serving,
  authorizer: authorized.authorizer,
  describesItself: true,
  rateLimit: 500,
  burstLimit: 1000,
})

for (const [name, value] of Object.entries({
  TokenApiUrl: api.apiEndpoint,
  UserPoolId: pool.userPoolId,
  ClientId: known.userPoolClientId,
  OtherClientId: other.userPoolClientId,
})) {
  new CfnOutput(stack, name, { value })
}

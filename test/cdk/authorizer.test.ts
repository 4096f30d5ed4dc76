import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { describe, expect, it } from 'vitest'
import { ofType, synthesized } from './synthesized.ts'

type Resources = ReturnType<typeof ofType>

function kindsOf(functions: Resources): Set<unknown> {
  const variables = Object.entries(functions)
    .filter(([id]) => /^Platform(Api|Predictions)/.test(id))
    .map(
      ([, { Properties }]) => Properties['Environment'] as { Variables: Record<string, unknown> },
    )
  expect(variables).toHaveLength(2)
  return new Set(variables.map(({ Variables }) => Variables['MILLRACE_AUTHORIZER']))
}

describe('keys of users', () => {
  const { template } = synthesized({ authorizer: 'keys' })

  it('are known by a function of ours alone, whose answers API Gateway does not remember', () => {
    const [authorizer, ...others] = Object.values(ofType(template, 'AWS::ApiGatewayV2::Authorizer'))
    expect(others).toEqual([])
    expect(authorizer!.Properties).toMatchObject({
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      AuthorizerResultTtlInSeconds: 0,
      EnableSimpleResponses: true,
    })
    const sources = authorizer!.Properties['IdentitySource'] as unknown[] | undefined
    expect(sources ?? []).toEqual([])
  })

  it('are asked for on every route but those that describe the API', () => {
    const routes = Object.values(ofType(template, 'AWS::ApiGatewayV2::Route')).map(
      ({ Properties }) => [Properties['RouteKey'], Properties['AuthorizationType']],
    )
    const open = routes.filter(([, type]) => type !== 'CUSTOM')
    expect(open).toEqual([
      ['GET /health', 'NONE'],
      ['GET /openapi.json', 'NONE'],
      ['GET /docs', 'NONE'],
      ['GET /docs/{file}', 'NONE'],
    ])
    expect(routes.length - open.length).toBeGreaterThan(2)
  })

  it('are what the functions are told of', () => {
    expect(kindsOf(ofType(template, 'AWS::Lambda::Function'))).toEqual(new Set(['keys']))
  })
})

it('tokens of a user pool are what the functions are told of', () => {
  const issuer = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc'
  const authorizer = new HttpJwtAuthorizer('Pool', issuer, { jwtAudience: ['client'] })
  const { template } = synthesized({ authorizer })
  expect(kindsOf(ofType(template, 'AWS::Lambda::Function'))).toEqual(new Set(['jwt']))
})

it('without a word it is IAM, and "none" is none', () => {
  const kinds = (authorizer?: 'none') =>
    kindsOf(
      ofType(
        synthesized(authorizer === undefined ? {} : { authorizer }).template,
        'AWS::Lambda::Function',
      ),
    )
  expect(kinds()).toEqual(new Set(['iam']))
  expect(kinds('none')).toEqual(new Set(['none']))
})

it('the API is a SageMaker container for the model that it is told of', () => {
  const told = Object.values(
    ofType(synthesized({ sagemakerModel: 'ada/iris' }).template, 'AWS::Lambda::Function'),
  )
    .map(({ Properties }) => Properties['Environment'] as { Variables: Record<string, unknown> })
    .filter(({ Variables }) => Variables['MILLRACE_SAGEMAKER_MODEL'] === 'ada/iris')
  expect(told).toHaveLength(1)
  for (const sagemakerModel of ['iris', 'ada/iris/0', '../iris', '']) {
    expect(() => synthesized({ sagemakerModel })).toThrow('sagemakerModel is <user>/<dataset>')
  }
})

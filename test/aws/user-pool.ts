import { randomUUID } from 'node:crypto'
import { signedFetch } from '../../cli/aws/signed-fetch.ts'
import { clientOptions, endpoint, isEmulator } from '../platform/aws/endpoint.ts'

/** Tokens of someone who has signed in. */
export interface Tokens {
  readonly id: string
  readonly access: string
}

/** People of a Cognito user pool, by its HTTP protocol: its client of the SDK is needed nowhere else. */
export class PeopleOfPool {
  readonly #poolId: string

  constructor(poolId: string) {
    this.#poolId = poolId
  }

  /** Makes someone with a password, in groups, and with attributes as `custom:millrace_user`. */
  async add(
    name: string,
    { groups = [], attributes = {} }: { groups?: string[]; attributes?: Record<string, string> },
  ): Promise<{ name: string; password: string }> {
    const password = `Aa1!${randomUUID()}`
    const person = { UserPoolId: this.#poolId, Username: name }
    await ask('AdminCreateUser', {
      ...person,
      MessageAction: 'SUPPRESS',
      UserAttributes: Object.entries(attributes).map(([Name, Value]) => ({ Name, Value })),
    })
    await ask('AdminSetUserPassword', { ...person, Password: password, Permanent: true })
    for (const GroupName of groups) await ask('AdminAddUserToGroup', { ...person, GroupName })
    return { name, password }
  }

  async signIn(
    { name, password }: { name: string; password: string },
    ClientId: string,
  ): Promise<Tokens> {
    const { AuthenticationResult } = await ask<{
      AuthenticationResult: { IdToken: string; AccessToken: string }
    }>('InitiateAuth', {
      ClientId,
      AuthFlow: 'USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: name, PASSWORD: password },
    })
    return { id: AuthenticationResult.IdToken, access: AuthenticationResult.AccessToken }
  }

  /** What a client that someone signed in with may change of who they are: refused where it may not. */
  async writeAttribute({ access }: Tokens, Name: string, Value: string): Promise<string> {
    const answer = await ask<{ __type?: string }>(
      'UpdateUserAttributes',
      { AccessToken: access, UserAttributes: [{ Name, Value }] },
      true,
    )
    return answer.__type ?? 'written'
  }

  /** Lets tokens that a client is given from now on expire after so many seconds. */
  async limitTokens(ClientId: string, seconds: number): Promise<void> {
    await ask('UpdateUserPoolClient', {
      UserPoolId: this.#poolId,
      ClientId,
      ExplicitAuthFlows: ['ALLOW_USER_PASSWORD_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'],
      IdTokenValidity: seconds,
      AccessTokenValidity: seconds,
      TokenValidityUnits: { IdToken: 'seconds', AccessToken: 'seconds' },
    })
  }
}

async function ask<Answer>(action: string, body: object, mayFail = false): Promise<Answer> {
  const { region, credentials } = clientOptions
  const service = 'cognito-idp'
  const send = await signedFetch({ region, credentials: async () => credentials, service })
  const url = isEmulator ? endpoint : `https://${service}.${region}.amazonaws.com`
  const response = await send(new URL(url), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${action}`,
    },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok && !mayFail) throw new Error(`${action}: ${response.status} ${text}`)
  return JSON.parse(text) as Answer
}

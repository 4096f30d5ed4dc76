import type { Admission } from '../../api/admission.ts'
import { keyAdmission } from '../../api/authentication.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { isMillraceError, MillraceError, type Ports } from '../ports/index.ts'
import { powertoolsLogger } from './function-logger.ts'
import { awsPorts, type AwsPorts } from './ports.ts'
import { settingsFromEnvironment } from './settings.ts'

/** What an HTTP API asks its Lambda authorizer: a request without its body, payload format 2.0. */
export interface AuthorizerEvent {
  readonly requestContext?: object
  readonly headers?: Readonly<Record<string, string | undefined>> | null
}

/** A simple response, payload format 2.0. */
export interface AuthorizerAnswer {
  readonly isAuthorized: boolean
  /** Who asks, for the function behind: see `callerOf`. */
  readonly context?: { readonly user: string; readonly role: string; readonly keyId: string }
}

export type AuthorizerHandler = (event: AuthorizerEvent) => Promise<AuthorizerAnswer>

/** What the authorizer needs of the ports. */
export type AuthorizerPorts = Pick<Ports, 'table' | 'clock'>

/**
 * Keys of users as the Lambda authorizer of an HTTP API, with simple responses: `export const handler =
 * await authorizerFunction()`. A key that was verified is remembered for `rememberedMilliseconds`; the
 * gateway is to remember nothing beside (its cache off, and no identity source, since a key may come in
 * either of two headers). Where Lambda starts it, its client is loaded before the first request.
 *
 * The handler throws, which lets nobody in, when the table cannot be read, RequestInvalid for what is no
 * request, and SettingsInvalid.
 */
export async function authorizerFunction(): Promise<AuthorizerHandler> {
  let made: AwsPorts | undefined
  const ports = () => (made ??= authorizerPorts())
  if (process.env['AWS_LAMBDA_INITIALIZATION_TYPE'] !== undefined) {
    // What is missing here is an error of the first request, with its name.
    await Promise.resolve()
      .then(() => ports().load('table'))
      .catch(() => undefined)
  }
  return authorizerHandler(ports)
}

/** The handler on given ports, which it asks for at its first request. */
export function authorizerHandler(ports: () => AuthorizerPorts): AuthorizerHandler {
  let admission: Admission | undefined
  return async (event) => {
    const credentials = credentialsIn(event)
    admission ??= admissionOn(ports())
    try {
      const { user, role, keyId } = await admission.admit(credentials)
      if (user === null || keyId === null) return { isAuthorized: false }
      return { isAuthorized: true, context: { user, role, keyId } }
    } catch (error) {
      if (isMillraceError(error, 'Unauthenticated')) return { isAuthorized: false }
      throw error
    }
  }
}

function credentialsIn(event: AuthorizerEvent) {
  if (typeof event?.requestContext !== 'object') {
    throw new MillraceError(
      'RequestInvalid',
      'the event is none of an authorizer: call this function as the Lambda authorizer of an HTTP API',
    )
  }
  const headers = Object.entries(event.headers ?? {})
  const header = (name: string) => headers.find(([one]) => one.toLowerCase() === name)?.[1]
  return { authorization: header('authorization'), apiKey: header('x-api-key') }
}

function admissionOn({ table, clock }: AuthorizerPorts): Admission {
  return keyAdmission(createAccounts(table, clock), clock)
}

function authorizerPorts(): AwsPorts {
  const settings = settingsFromEnvironment(process.env)
  return awsPorts(settings, { logger: powertoolsLogger(), metrics: { record: () => undefined } })
}

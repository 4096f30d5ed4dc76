import type { CloudFormationClient, Stack } from '@aws-sdk/client-cloudformation'
import { portError } from '../../platform/aws/errors.ts'
import { MillraceError } from '../../platform/ports/index.ts'
import type { Deployment } from '../platform-location.ts'
import { clientPackages, optional } from './packages.ts'

/** What `TrainingPlatform`'s stack tells of itself. */
export interface StackOutputs {
  readonly ApiUrl: string
  readonly BucketName: string
  readonly TableName: string
  readonly [name: string]: string
}

const required = ['ApiUrl', 'BucketName', 'TableName']

/** A client of CloudFormation, for the account and region of a deployment. */
export async function cloudFormation(deployment: Deployment): Promise<CloudFormationClient> {
  const { CloudFormationClient } = await optional(
    clientPackages,
    () => import('@aws-sdk/client-cloudformation'),
  )
  return new CloudFormationClient(clientOptions(deployment))
}

/** What every client of the SDK gets to reach a deployment. */
export function clientOptions({ endpoint, region, profile, credentials }: Deployment): {
  endpoint?: string
  region?: string
  profile?: string
  credentials?: { accessKeyId: string; secretAccessKey: string }
} {
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
  }
}

/**
 * The outputs of a Millrace stack.
 *
 * @throws MillraceError StackNotFound, AccessRefused, PlatformNotRunning where nothing answers.
 */
export async function stackOutputs(
  client: CloudFormationClient,
  deployment: Deployment,
): Promise<StackOutputs> {
  const found = await millraceStack(client, deployment)
  const outputs = outputsOf(found)
  if (isMillrace(outputs)) return outputs
  throw new MillraceError(
    'StackNotFound',
    `the stack ${deployment.stack} is in the state ${found.StackStatus} and tells no ApiUrl: ` +
      `once it is settled, npx millrace deploy${deployment.argument} completes it`,
  )
}

/**
 * A stack of Millrace's, or one that never came to its end.
 *
 * @throws MillraceError as `stackOutputs`.
 */
export async function millraceStack(
  client: CloudFormationClient,
  deployment: Deployment,
): Promise<Stack> {
  const found = await findStack(client, deployment, deployment.stack)
  if (found === undefined) {
    const where =
      deployment.endpoint ?? `the region ${await client.config.region()} of this account`
    throw new MillraceError(
      'StackNotFound',
      `there is no stack ${deployment.stack} at ${where}; ` +
        `deploy one with: npx millrace deploy${deployment.argument}`,
    )
  }
  const outputs = outputsOf(found)
  if (isSettled(found) && !isMillrace(outputs)) {
    throw new MillraceError('StackNotFound', notMillrace(deployment.stack, outputs))
  }
  return found
}

/** A stack as CloudFormation describes it; none where there is no such stack. */
export async function findStack(
  client: CloudFormationClient,
  deployment: Deployment,
  name: string,
): Promise<Stack | undefined> {
  const { DescribeStacksCommand } = await import('@aws-sdk/client-cloudformation')
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }))
    return Stacks?.[0]
  } catch (error) {
    const { name: kind, message } = error as Error
    if (kind === 'ValidationError' && /does not exist/.test(message)) return undefined
    throw awsError(`describing the stack ${name}`, deployment, error)
  }
}

export function outputsOf(stack: Stack): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey ?? '', OutputValue ?? '']),
  )
}

export function isMillrace(outputs: Readonly<Record<string, string>>): outputs is StackOutputs {
  return required.every((name) => (outputs[name] ?? '') !== '')
}

/** Whether a deployment once came to its end, so that outputs that are missing stay missing. */
export function isSettled({ StackStatus }: Stack): boolean {
  return /^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT)_COMPLETE$/.test(StackStatus ?? '')
}

export function notMillrace(stack: string, outputs: Readonly<Record<string, string>>): string {
  const names = Object.keys(outputs)
  const told = names.length === 0 ? 'it has no outputs' : `its outputs are ${names.join(', ')}`
  return `the stack ${stack} is not Millrace's: ${told}, where ${required.join(', ')} should be`
}

/** What the SDK threw, as an error that says what to do. */
export function awsError(what: string, { endpoint }: Deployment, error: unknown): MillraceError {
  const { name, message } = error as Error
  if (name === 'CredentialsProviderError') {
    return new MillraceError(
      'AccessRefused',
      'no AWS credentials were found: give --profile, log in by `aws sso login`, ' +
        'or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
      { cause: error },
    )
  }
  if (/^Region is missing/.test(message)) {
    return new MillraceError('RequestInvalid', 'no AWS region: give --region, or set AWS_REGION', {
      cause: error,
    })
  }
  const { code } = error as NodeJS.ErrnoException
  if (endpoint !== undefined && unreachable.has(code ?? '')) {
    return new MillraceError(
      'PlatformNotRunning',
      `nothing answers at ${endpoint} (${code}): start the emulator, or correct --endpoint`,
      { cause: error },
    )
  }
  return portError(what, error)
}

const unreachable: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ETIMEDOUT',
])

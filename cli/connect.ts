import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { readOperatorKey } from '../platform/local/operator-key.ts'
import { MillraceError } from '../platform/ports/index.ts'
import { reachableApiUrl } from './aws/api-url.ts'
import type { OperatedPort } from './aws/operator.ts'
import { signedFetch } from './aws/signed-fetch.ts'
import { awsError, cloudFormation, stackOutputs } from './aws/stack.ts'
import { clientOf, type Client } from './client.ts'
import { keyedFetch } from './keyed-fetch.ts'
import type { Deployment, EmbeddedLocation, PlatformLocation } from './platform-location.ts'

/**
 * A client of the platform at a location. The signal ends a request to a deployed platform that waits.
 *
 * @throws MillraceError PlatformNotRunning; of a deployed one StackNotFound, AccessRefused and
 * PackageMissing too.
 */
export async function connect(location: PlatformLocation, signal: AbortSignal): Promise<Client> {
  return location.kind === 'embedded'
    ? connectEmbedded(location)
    : connectDeployed(location, signal)
}

/**
 * As `connect`, for what is the operator's. To a stack it goes past the API, whatever that asks for, by the
 * caller's AWS credentials, unless a key is given.
 *
 * @throws MillraceError as `connect`.
 */
export async function connectAsOperator(
  location: PlatformLocation,
  ports: readonly OperatedPort[],
  signal: AbortSignal,
): Promise<Client> {
  if (location.kind === 'embedded' || location.key !== undefined) return connect(location, signal)
  const { operatorClient } = await import('./aws/operator.ts')
  return operatorClient(location, ports)
}

const address = z.object({ url: z.url(), pid: z.int().positive() })

/**
 * Finds the platform that runs on a data directory by the address it left there, and the key of its
 * operator, where it has one and no other key is given.
 */
async function connectEmbedded({ dataDir, key: given }: EmbeddedLocation): Promise<Client> {
  let found: z.infer<typeof address>
  try {
    const text = await readFile(join(dataDir, 'platform.json'), 'utf8')
    found = address.parse(JSON.parse(text))
  } catch (error) {
    throw notRunning(dataDir, error)
  }
  // A killed platform leaves its address, at which another one may listen by now.
  if (!isRunning(found.pid)) throw notRunning(dataDir, undefined)
  const key = given ?? (await readOperatorKey(dataDir))
  const client = clientOf({
    url: found.url,
    ...(key === undefined ? {} : { send: keyedFetch(key) }),
    unreachable: (error) => notRunning(dataDir, error),
  })
  await client.get('/health')
  return client
}

/**
 * Finds the API of a stack by its outputs. Its requests carry the key that is given, or are signed by the
 * caller's credentials.
 */
async function connectDeployed(deployment: Deployment, signal: AbortSignal): Promise<Client> {
  const cloud = await cloudFormation(deployment)
  const { ApiUrl } = await stackOutputs(cloud, deployment)
  const url = reachableApiUrl(ApiUrl, deployment.endpoint)
  const { config } = cloud
  const { key } = deployment
  const send =
    key === undefined
      ? await signedFetch({ region: await config.region(), credentials: config.credentials })
      : keyedFetch(key)
  return clientOf({
    url,
    // API Gateway gives up after 30 s; each request is an invocation that is paid for.
    pace: { longPoll: 10, poll: 250, refresh: 2000 },
    retries: 4,
    send,
    signal,
    unreachable: (error) => unreachable(url, deployment, error),
  })
}

function unreachable(url: string, deployment: Deployment, error: unknown): MillraceError {
  // fetch says "fetch failed", its cause says why; what signing says has no cause.
  const { cause } = error as Error
  if (cause === undefined) return awsError('asking the platform', deployment, error)
  return new MillraceError(
    'PlatformNotRunning',
    `the API of the stack ${deployment.stack} does not answer at ${url}: ${(cause as Error).message}`,
    { cause: error },
  )
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function notRunning(dataDir: string, cause: unknown): MillraceError {
  return new MillraceError(
    'PlatformNotRunning',
    `no platform is running on ${dataDir}; start one with: npx millrace dev --data-dir ${dataDir}`,
    { cause },
  )
}

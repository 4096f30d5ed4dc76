import { createApi } from '../../api/app.ts'
import { awsPorts } from '../../platform/aws/ports.ts'
import { MillraceError, type Logger } from '../../platform/ports/index.ts'
import { clientOf, type Client } from '../client.ts'
import type { Deployment } from '../platform-location.ts'
import { clientPackages, optional } from './packages.ts'
import { clientOptions, cloudFormation, stackOutputs } from './stack.ts'

/** What a command asks for, by the port that it comes from. */
export type OperatedPort = 'table' | 'objects' | 'queue'

/**
 * A client of the API of a stack that runs in this process, on what the stack keeps, by the caller's AWS
 * credentials: whoever has them is the operator, of whom an API that asks for keys or tokens knows
 * nothing. `ports` are those that the requests need.
 *
 * @throws MillraceError StackNotFound, AccessRefused, PackageMissing, PlatformNotRunning where nothing
 * answers.
 */
export async function operatorClient(
  deployment: Deployment,
  ports: readonly OperatedPort[],
): Promise<Client> {
  const packages = [...clientPackages, ...ports.flatMap((port) => adapters[port].packages)]
  for (const port of ports) await optional(packages, adapters[port].load)
  const outputs = await stackOutputs(await cloudFormation(deployment), deployment)
  const { QueueUrl: queueUrl = '', DeadLetterQueueUrl: deadLetterQueueUrl = '' } = outputs
  if (ports.includes('queue') && (queueUrl === '' || deadLetterQueueUrl === '')) {
    throw noQueue(deployment)
  }
  const api = createApi(
    awsPorts(
      {
        bucket: outputs.BucketName,
        table: outputs.TableName,
        queueUrl,
        deadLetterQueueUrl,
        eventBus: 'default',
        stateMachines: {},
      },
      {
        logger: silent,
        metrics: { record: () => undefined },
        client: clientOptions(deployment),
      },
    ),
  )
  return clientOf({
    url: 'http://operator',
    send: (url, request) => api.fetch(new Request(url, request)),
    unreachable: (cause) => new MillraceError('InternalError', 'the request failed', { cause }),
  })
}

interface Adapter {
  /** What it needs beside what every command for a stack does. */
  readonly packages: readonly string[]
  readonly load: () => Promise<unknown>
}

const adapters: Readonly<Record<OperatedPort, Adapter>> = {
  table: {
    packages: ['@aws-sdk/client-dynamodb'],
    load: () => import('../../platform/aws/table.ts'),
  },
  objects: {
    packages: ['@aws-sdk/client-s3', '@aws-sdk/lib-storage', '@aws-sdk/s3-request-presigner'],
    load: () => import('../../platform/aws/objects.ts'),
  },
  queue: {
    packages: ['@aws-sdk/client-sqs'],
    load: () => import('../../platform/aws/queue.ts'),
  },
}

/** What goes wrong is the answer, which the command tells. */
const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

function noQueue({ stack, argument }: Deployment): MillraceError {
  return new MillraceError(
    'StackNotFound',
    `the stack ${stack} tells no QueueUrl: npx millrace deploy${argument} brings it up to date`,
  )
}

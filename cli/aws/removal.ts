import type { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import * as z from 'zod'
import { MillraceError } from '../../platform/ports/index.ts'
import type { Deployment } from '../platform-location.ts'
import { awsError } from './stack.ts'

/** One resource of a stack. */
export interface StackResource {
  /** As CloudFormation has it: AWS::S3::Bucket. */
  readonly type: string
  /** Its own name, or whatever identifies it. */
  readonly id: string
  /** Whether it stays when the stack goes. */
  readonly isKept: boolean
}

const template = z.object({
  Resources: z.record(z.string(), z.object({ DeletionPolicy: z.string().optional() })),
})

/** The resources of a stack, and what its template says becomes of each when it is removed. */
export async function stackResources(
  client: CloudFormationClient,
  deployment: Deployment,
): Promise<StackResource[]> {
  const { GetTemplateCommand, paginateListStackResources } =
    await import('@aws-sdk/client-cloudformation')
  const StackName = deployment.stack
  try {
    const { TemplateBody } = await client.send(new GetTemplateCommand({ StackName }))
    const { Resources } = template.parse(JSON.parse(TemplateBody ?? ''))
    const resources: StackResource[] = []
    for await (const page of paginateListStackResources({ client }, { StackName })) {
      for (const one of page.StackResourceSummaries ?? []) {
        const { LogicalResourceId = '', ResourceType = '', PhysicalResourceId = '' } = one
        if (one.ResourceStatus === 'DELETE_COMPLETE') continue
        const policy = Resources[LogicalResourceId]?.DeletionPolicy ?? 'Delete'
        resources.push({
          type: ResourceType,
          id: PhysicalResourceId,
          isKept: policy.startsWith('Retain'),
        })
      }
    }
    return resources
  } catch (error) {
    throw awsError(`reading the resources of ${StackName}`, deployment, error)
  }
}

/**
 * Removes a stack and waits until it is gone; `told` gets a line for each resource that went.
 *
 * @throws MillraceError DeploymentFailed, with what CloudFormation says of it.
 */
export async function removeStack(
  client: CloudFormationClient,
  deployment: Deployment,
  told: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { DeleteStackCommand, DescribeStacksCommand } =
    await import('@aws-sdk/client-cloudformation')
  const { stack } = deployment
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: stack }))
    // Once it is gone, only its ARN still names it.
    const StackName = Stacks?.[0]?.StackId ?? stack
    await client.send(new DeleteStackCommand({ StackName }))
    const events = new Events(client, StackName)
    while (!signal.aborted) {
      for (const line of await events.read()) told(line)
      const described = await client.send(new DescribeStacksCommand({ StackName }))
      const { StackStatus, StackStatusReason = '' } = described.Stacks?.[0] ?? {}
      if (StackStatus === 'DELETE_COMPLETE') return
      if (StackStatus === 'DELETE_FAILED') {
        throw new MillraceError(
          'DeploymentFailed',
          `${stack} is ${StackStatus}: ${StackStatusReason || 'its events say why'}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  } catch (error) {
    throw awsError(`removing the stack ${stack}`, deployment, error)
  }
}

/** The events of a stack's removal, each told once. */
class Events {
  readonly #client: CloudFormationClient
  readonly #stack: string
  readonly #seen = new Set<string>()

  constructor(client: CloudFormationClient, stack: string) {
    this.#client = client
    this.#stack = stack
  }

  async read(): Promise<string[]> {
    const { DescribeStackEventsCommand } = await import('@aws-sdk/client-cloudformation')
    const { StackEvents = [] } = await this.#client.send(
      new DescribeStackEventsCommand({ StackName: this.#stack }),
    )
    const lines: string[] = []
    for (const one of StackEvents.toReversed()) {
      const { EventId = '', ResourceStatus = '', ResourceStatusReason = '' } = one
      if (this.#seen.has(EventId)) continue
      this.#seen.add(EventId)
      if (!/^DELETE_(COMPLETE|FAILED|SKIPPED)$/.test(ResourceStatus)) continue
      lines.push(
        [ResourceStatus, one.ResourceType, one.LogicalResourceId, ResourceStatusReason].join('  '),
      )
    }
    return lines.map((line) => line.trimEnd())
  }
}

import { ArnFormat, Stack } from 'aws-cdk-lib'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { IEventBus } from 'aws-cdk-lib/aws-events'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import type { ITopic } from 'aws-cdk-lib/aws-sns'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { RemovalPolicy } from 'aws-cdk-lib'

/** What the parts of a platform, and workflows on it, are built on. */
export interface PlatformResources {
  /** Begins the names of the platform's state machines. */
  readonly platformName: string
  readonly bucket: IBucket
  readonly table: ITable
  readonly queue: IQueue
  readonly deadLetterQueue: IQueue
  /** Events that a rule could not hand over. */
  readonly undeliveredEvents: IQueue
  /** Where the platform tells of its own events; those of AWS services come on the default bus. */
  readonly eventBus: IEventBus
  readonly alarmTopic: ITopic
  readonly workflows: WorkflowNames
  readonly logRetention: RetentionDays
  readonly removalPolicy: RemovalPolicy
}

/**
 * The workflows of a platform. A state machine's name follows from its workflow's, so that functions
 * can know the ARNs of all of them, also of those they are themselves a part of.
 */
export class WorkflowNames {
  readonly #platformName: string
  readonly #names: string[] = []
  readonly #listeners: ((name: string) => void)[] = []

  constructor(platformName: string) {
    this.#platformName = platformName
  }

  /** @throws Error for a name that another workflow of the platform has. */
  add(name: string): void {
    if (this.#names.includes(name)) {
      throw new Error(`the platform ${this.#platformName} has two workflows named "${name}"`)
    }
    this.#names.push(name)
    for (const listener of this.#listeners) listener(name)
  }

  /** Calls `listener` with the workflows there are, and with each one that is added later. */
  forEach(listener: (name: string) => void): void {
    this.#names.forEach(listener)
    this.#listeners.push(listener)
  }

  stateMachineName(workflow: string): string {
    return `${this.#platformName}-${workflow}`
  }

  stateMachineArn(stack: Stack, workflow: string): string {
    return this.#arn(stack, 'stateMachine', this.stateMachineName(workflow))
  }

  executionArn(stack: Stack, workflow: string, execution: string): string {
    return this.#arn(stack, 'execution', `${this.stateMachineName(workflow)}:${execution}`)
  }

  /** State machine ARNs by the names of their workflows. */
  stateMachineArns(stack: Stack): Record<string, string> {
    return Object.fromEntries(this.#names.map((name) => [name, this.stateMachineArn(stack, name)]))
  }

  #arn(stack: Stack, resource: string, resourceName: string): string {
    const arnFormat = ArnFormat.COLON_RESOURCE_NAME
    return stack.formatArn({ service: 'states', resource, resourceName, arnFormat })
  }
}

import { randomUUID } from 'node:crypto'
import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { SFNClient } from '@aws-sdk/client-sfn'
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { signedFetch } from '../../cli/aws/signed-fetch.ts'
import type { EventEnvelope } from '../../events/index.ts'
import { stepFunctionsExecutions } from '../../platform/aws/executions.ts'
import { deployed } from '../aws/deployed.ts'
import { clientOptions } from '../platform/aws/endpoint.ts'
import type { ScenarioPlatform } from './platform.ts'

/** The deployed platform by the clients that its users have: S3, Step Functions, HTTP. */
export async function openDeployed(): Promise<ScenarioPlatform> {
  const { outputs, apiUrl } = await deployed()
  const { region, credentials } = clientOptions
  const s3 = new S3Client({ ...clientOptions, forcePathStyle: true })
  const Bucket = outputs['BucketName']
  const training = outputs['TrainingStateMachineArn']!
  const send = await signedFetch({ region, credentials: async () => credentials })
  const listener = await listen()
  return {
    put: async (Key, Body, Metadata = {}) => {
      const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key, Body, Metadata }))
      return { versionId: VersionId! }
    },
    read: async (Key) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
      return Body!.transformToByteArray()
    },
    remove: async (Key) => void (await s3.send(new DeleteObjectCommand({ Bucket, Key }))),
    fetch: (path, { method, headers, body } = {}) =>
      send(new URL(`${apiUrl}${path}`), {
        ...(method === undefined ? {} : { method }),
        ...(headers === undefined ? {} : { headers: headers as Record<string, string> }),
        ...(body === undefined ? {} : { body: body as string }),
      }),
    executions: stepFunctionsExecutions({
      client: new SFNClient(clientOptions),
      stateMachines: {
        training,
        batch: training.replace(/training$/, 'batch'),
        retraining: outputs['RetrainingStateMachineArn']!,
      },
    }),
    events: () => listener.events(),
    close: () => listener.close(),
  }
}

/** Collects the platform's own events by a rule and a queue, as another system would. */
async function listen(): Promise<{
  events(): Promise<readonly EventEnvelope[]>
  close(): Promise<void>
}> {
  const sqs = new SQSClient(clientOptions)
  const eventBridge = new EventBridgeClient(clientOptions)
  const Rule = `scenario-${randomUUID()}`
  const { RuleArn } = await eventBridge.send(
    new PutRuleCommand({ Name: Rule, EventPattern: JSON.stringify({ source: ['millrace'] }) }),
  )
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: Rule }))
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  )
  const queueArn = Attributes!['QueueArn']!
  await sqs.send(
    new SetQueueAttributesCommand({
      QueueUrl,
      Attributes: { Policy: JSON.stringify(deliveryPolicy(queueArn, RuleArn!)) },
    }),
  )
  await eventBridge.send(new PutTargetsCommand({ Rule, Targets: [{ Id: 'queue', Arn: queueArn }] }))
  const events: EventEnvelope[] = []
  return {
    async events() {
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 3600 }),
        )
        if (Messages.length === 0) return events
        events.push(...Messages.map(({ Body }) => JSON.parse(Body!) as EventEnvelope))
      }
    },
    async close() {
      await eventBridge.send(new RemoveTargetsCommand({ Rule, Ids: ['queue'] }))
      await eventBridge.send(new DeleteRuleCommand({ Name: Rule }))
      await sqs.send(new DeleteQueueCommand({ QueueUrl }))
    },
  }
}

function deliveryPolicy(queueArn: string, ruleArn: string): object {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': ruleArn } },
      },
    ],
  }
}

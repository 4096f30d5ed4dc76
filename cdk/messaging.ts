import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Queue, QueueEncryption, type QueueProps } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

/** How long the messages function may take for a batch, in which datasets may have to be put together. */
export const messagesTimeout = Duration.minutes(5)

/** A queue whose messages move to `deadLetters` after five deliveries. */
export function workQueue(
  scope: Construct,
  id: string,
  deadLetters: Queue,
  removalPolicy: RemovalPolicy,
): Queue {
  return new Queue(scope, id, {
    ...encrypted,
    removalPolicy,
    // Six times the time of a batch: SQS must not hand out again what is being worked on.
    visibilityTimeout: Duration.seconds(6 * messagesTimeout.toSeconds()),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
  })
}

/** A queue that keeps what could not be worked on, as long as SQS keeps anything. */
export function deadLetterQueue(scope: Construct, id: string, removalPolicy: RemovalPolicy): Queue {
  const queue = new Queue(scope, id, {
    ...encrypted,
    removalPolicy,
    retentionPeriod: Duration.days(14),
  })
  acknowledge(queue, 'AwsSolutions-SQS3', 'It is where dead letters go itself.')
  return queue
}

const encrypted: QueueProps = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true }

/** Where alarms and drift are told. */
export function alarmTopic(scope: Construct, id: string, email: string | undefined): Topic {
  // CloudWatch and EventBridge cannot use the key that AWS manages for SNS.
  const key = new Key(scope, `${id}Key`, {
    description: 'Alarms of Millrace',
    enableKeyRotation: true,
    // It protects messages on their way alone: nothing is lost with it.
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const topic = new Topic(scope, id, { masterKey: key, enforceSSL: true })
  // As AWS documents them: neither service is known to say its account when it asks for the key.
  for (const service of ['cloudwatch.amazonaws.com', 'events.amazonaws.com']) {
    key.grantEncryptDecrypt(new ServicePrincipal(service))
  }
  topic.grantPublish(
    new ServicePrincipal('cloudwatch.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  )
  if (email !== undefined) topic.addSubscription(new EmailSubscription(email))
  return topic
}

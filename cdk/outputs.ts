import { CfnOutput } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import type { TrainingPlatform } from './training-platform.ts'

/** The outputs by which the `millrace` command finds a platform. Their names are a contract. */
export function platformOutputs(scope: Construct, platform: TrainingPlatform): void {
  const { training, retraining, queue, deadLetterQueue, restApi } = platform
  const output = (name: string, value: string, description: string) => {
    new CfnOutput(scope, `${name}Output`, { value, description }).overrideLogicalId(name)
  }
  output('ApiUrl', platform.api.apiEndpoint, 'The HTTP API')
  output('BucketName', platform.bucket.bucketName, 'Datasets, models and reports')
  output('TableName', platform.table.tableName, 'The registry and the ledger')
  output('QueueUrl', queue.queueUrl, 'Ends of training executions, to be recorded')
  output('DeadLetterQueueUrl', deadLetterQueue.queueUrl, 'Messages that failed five times')
  output('TrainingStateMachineArn', training.stateMachine.stateMachineArn, 'The training workflow')
  output(
    'RetrainingStateMachineArn',
    retraining.stateMachine.stateMachineArn,
    'The retraining workflow',
  )
  output('AlarmTopicArn', platform.alarmTopic.topicArn, 'Where alarms and drift are told')
  if (restApi !== undefined) output('RestApiUrl', restApi.api.url, 'The REST API')
}

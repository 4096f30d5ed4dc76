import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Table } from 'aws-cdk-lib/aws-dynamodb'
import { EventBus } from 'aws-cdk-lib/aws-events'
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { WorkflowNames } from '../../cdk/platform-resources.ts'
import { Workflow } from '../../cdk/index.ts'

/**
 * A workflow that calls its one function twice, with a wait between. The context `code` is what the
 * function answers; `directory` is where its code is put.
 */
const app = new App()
const context = (name: string) => app.node.getContext(name) as string
const stack = new Stack(app, context('stackName'))

const code = join(context('directory'), `code-${context('code')}`)
mkdirSync(code, { recursive: true })
writeFileSync(join(code, 'index.mjs'), `export const handler = async () => '${context('code')}'\n`)

const definitionFile = join(context('directory'), 'twice.asl.json')
const call = {
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Arguments: { FunctionName: '${Tell}' },
  TimeoutSeconds: 60,
}
writeFileSync(
  definitionFile,
  JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: 'First',
    States: {
      First: {
        ...call,
        Assign: { first: '{% $states.result.Payload %}' },
        Output: '{% $states.input %}',
        Next: 'Hold',
      },
      Hold: { Type: 'Wait', Timestamp: '{% $states.input.until %}', Next: 'Second' },
      Second: {
        ...call,
        Output: { first: '{% $first %}', second: '{% $states.result.Payload %}' },
        End: true,
      },
    },
  }),
)

const tell = new LambdaFunction(stack, 'Tell', {
  runtime: Runtime.NODEJS_24_X,
  architecture: Architecture.ARM_64,
  handler: 'index.handler',
  code: Code.fromAsset(code),
  currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
})
const removalPolicy = RemovalPolicy.DESTROY
const workflow = new Workflow(stack, 'Twice', {
  platform: {
    platformName: stack.stackName,
    bucket: new Bucket(stack, 'Bucket', { removalPolicy }),
    table: Table.fromTableName(stack, 'Table', 'none'),
    queue: new Queue(stack, 'Queue'),
    deadLetterQueue: new Queue(stack, 'DeadLetters'),
    undeliveredEvents: new Queue(stack, 'UndeliveredEvents'),
    eventBus: EventBus.fromEventBusName(stack, 'Bus', 'default'),
    alarmTopic: new Topic(stack, 'Alarms'),
    workflows: new WorkflowNames(stack.stackName),
    logRetention: RetentionDays.ONE_DAY,
    removalPolicy,
  },
  name: 'twice',
  definitionFile,
  tasks: { Tell: tell },
})
new CfnOutput(stack, 'StateMachineArn', { value: workflow.stateMachine.stateMachineArn })

export { apiFunction } from './api-function.ts'
export {
  authorizerFunction,
  type AuthorizerAnswer,
  type AuthorizerEvent,
  type AuthorizerHandler,
} from './authorizer-function.ts'
export { EventBridgeBus, type EventBridgeBusOptions } from './bus.ts'
export type { ClientOptions } from './clients/options.ts'
export { stepFunctionsExecutions, type StepFunctionsOptions } from './executions.ts'
export type { FunctionLogger } from './function-logger.ts'
export type { FunctionMetrics } from './function-metrics.ts'
export { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
export type { LambdaContext } from './lambda.ts'
export { DynamoLog, type DynamoLogOptions } from './log.ts'
export { logFunction, type LogHandler } from './log-function.ts'
export { S3Objects, type S3ObjectsOptions } from './objects.ts'
export { awsPorts, type AwsPorts, type AwsPortsOptions } from './ports.ts'
export { predictionsFunction } from './predictions-function.ts'
export { SqsQueue, type SqsQueueOptions } from './queue.ts'
export { queueFunction, type BatchAnswer, type QueueEvent } from './queue-function.ts'
export { settingsFromEnvironment, settingsVariables, type AwsSettings } from './settings.ts'
export { DynamoTable, type DynamoTableOptions } from './table.ts'
export { taskFunction, type TaskHandler } from './task-function.ts'

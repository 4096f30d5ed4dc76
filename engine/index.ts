/**
 * An embedded engine for Amazon States Language: durable, strict, in process.
 */
export type * from './api-types.ts'
export { type Clock, systemClock, type VirtualClock, virtualClock } from './clock.ts'
export type { Json, JsonObject } from './data.ts'
export type { Durability } from './database.ts'
export { substitute } from './definition/substitute.ts'
export { type Engine, type EngineOptions, openEngine } from './engine.ts'
export {
  EngineError,
  type EngineErrorName,
  engineErrors,
  errorNames,
  isEngineError,
} from './errors.ts'
export type { ExecutionStatus } from './execution.ts'
export { combineTasks, serviceTasks } from './integrations/services.ts'
export { type LambdaFunction, lambdaInvoke } from './lambda.ts'
export { limits } from './limits.ts'
export type { ListedObject, ObjectBytes, ObjectStore } from './map/objects.ts'
export type { MapRunStatus } from './map/run.ts'
export type { EngineServer, ListenOptions } from './server/listen.ts'
export type { TaskContext, TaskHandler, Tasks, TaskStateInfo } from './tasks.ts'

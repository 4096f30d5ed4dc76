import type { Json } from '../ports/index.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
import { deadlineOf, invokeLogged } from './invocation.ts'
import type { LambdaContext } from './lambda.ts'

/** A Lambda handler of a task. */
export type TaskHandler = (payload: unknown, context: LambdaContext) => Promise<Json>

/**
 * A task as a Lambda function: `export const handler = taskFunction(claim)`. Its ports are those of
 * the platform that the environment names, made at the first call. The task's signal is aborted one
 * second before Lambda would end the call.
 *
 * The handler throws what the task throws, by name and message: TaskInputInvalid, TaskOutputInvalid,
 * SettingsInvalid, and the task's own.
 */
export function taskFunction(
  task: AnyTask,
  runtime: () => FunctionRuntime = functionRuntime,
): TaskHandler {
  return async (payload, context) => {
    const running = runtime()
    running.logger.begin(context)
    const deadline = deadlineOf(context, running.logger)
    try {
      return await invokeLogged(task, payload, running, deadline.signal)
    } finally {
      deadline.clear()
      running.metrics.flush()
    }
  }
}

import type { Json } from './data.ts'
import type { TaskState } from './definition/states.ts'

/** What a handler is told beside its input. */
export interface TaskContext {
  /** Aborted when the attempt is over for another reason than its end: a timeout, a stop, a close. */
  readonly signal: AbortSignal
  /** Tells that the work goes on; HeartbeatSeconds count from the last one. */
  readonly heartbeat: () => void
  /** For `sendTaskSuccess` and its like: it ends this attempt, and holds over restarts. */
  readonly taskToken: string
  readonly execution: {
    readonly arn: string
    readonly name: string
    readonly stateMachineArn: string
  }
  /** The state's name. */
  readonly state: string
  /** 1 for the first; the same again when the engine was closed or killed during it. */
  readonly attempt: number
}

/**
 * Does a task. What it answers becomes the task's result, as JSON; what it throws becomes the task's
 * Error (the error's `name`) and Cause (its `message`).
 */
export type TaskHandler = (input: Json, context: TaskContext) => unknown

/** Answers who does the tasks of a resource, or undefined when no one does. */
export type Tasks = (resource: string, state: TaskStateInfo) => TaskHandler | undefined

/** The state that the task is of. */
export type TaskStateInfo = Pick<TaskState, 'name' | 'resource'>

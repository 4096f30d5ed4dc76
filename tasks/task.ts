import type * as z from 'zod'
import { MillraceError, type Json, type Ports } from '../platform/ports/index.ts'

/** What a running task may know beside its input and the ports. */
export interface TaskContext {
  /** Aborted when the task timed out or its execution was stopped. */
  readonly signal: AbortSignal
}

/**
 * A task function: plain data in, plain data out, and the world only through ports. It may run twice
 * for one state (a retry, a redrive, a restart), so every write it makes is conditional or repeats
 * itself harmlessly.
 */
export interface Task<Input = never, Output = unknown> {
  /** The name by which a definition calls it: `"FunctionName": "${Name}"`. */
  readonly name: string
  readonly input: z.ZodType<Input>
  readonly output: z.ZodType<Output>
  run(input: Input, ports: Ports, context: TaskContext): Promise<Output>
}

/**
 * Declares a task function. `name` is letters and digits and begins with a letter, since it becomes
 * a placeholder in the definition and part of a function's name.
 *
 * @throws MillraceError WorkflowInvalid for another name.
 */
export function defineTask<Input, Output>(task: Task<Input, Output>): Task<Input, Output> {
  if (!/^[A-Za-z][A-Za-z0-9]{0,63}$/.test(task.name)) {
    throw new MillraceError(
      'WorkflowInvalid',
      `a task's name is 1 to 64 letters and digits and begins with a letter; found "${task.name}"`,
    )
  }
  return task
}

/** A task whose types have been forgotten: what a workflow or a platform holds. */
export interface AnyTask {
  readonly name: string
  readonly input: z.ZodType
  readonly output: z.ZodType
  run(input: never, ports: Ports, context: TaskContext): Promise<unknown>
}

/**
 * Runs a task on a payload as it came over the wire: the input is checked before, the output after.
 * The platform's adapters (engine, Lambda) and tests call tasks through this alone.
 *
 * @throws MillraceError TaskInputInvalid, TaskOutputInvalid; whatever the task throws.
 */
export async function invokeTask(
  task: AnyTask,
  payload: unknown,
  ports: Ports,
  context: TaskContext,
): Promise<Json> {
  const input = task.input.safeParse(payload)
  if (!input.success) {
    throw new MillraceError('TaskInputInvalid', `${task.name}: input: ${faults(input.error)}`, {
      cause: input.error,
    })
  }
  const answer = await task.run(input.data as never, ports, context)
  const output = task.output.safeParse(answer)
  if (!output.success) {
    throw new MillraceError('TaskOutputInvalid', `${task.name}: output: ${faults(output.error)}`, {
      cause: output.error,
    })
  }
  return output.data as Json
}

function faults(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.map(String).join('.') || 'value'}: ${issue.message}`)
    .join('; ')
}

import type * as api from '../api-types.ts'
import { Data, type Json } from '../data.ts'
import { EngineError } from '../errors.ts'
import { limits } from '../limits.ts'
import { checkText } from '../requests.ts'
import type { Runner } from '../runner.ts'
import type { TaskOutcome } from '../states/task.ts'
import { placeOfToken } from './token.ts'

/** The operations on the tasks that have a token. */
export class TaskTokens {
  readonly #runnerOf: (execution: number) => Runner | undefined

  /** @param runnerOf throws TaskDoesNotExist; answers undefined for an execution that has ended */
  constructor(runnerOf: (execution: number) => Runner | undefined) {
    this.#runnerOf = runnerOf
  }

  /** Throws InvalidToken, TaskDoesNotExist, TaskTimedOut, InvalidOutput. */
  succeed({ taskToken, output }: api.SendTaskSuccessInput): void {
    const text = checkText(output, 'output', limits.stateDataBytes)
    if (text === undefined) throw new EngineError('ValidationException', 'output is required')
    this.#end(taskToken, { kind: 'succeeded', output: readOutput(text) })
  }

  /** Throws InvalidToken, TaskDoesNotExist, TaskTimedOut. */
  fail(input: api.SendTaskFailureInput): void {
    const error = checkText(input.error, 'error', limits.errorLength)
    const cause = checkText(input.cause, 'cause', limits.causeLength)
    this.#end(input.taskToken, {
      kind: 'failed',
      failure: {
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      },
    })
  }

  /** Throws InvalidToken, TaskDoesNotExist, TaskTimedOut. */
  heartbeat({ taskToken }: api.SendTaskHeartbeatInput): void {
    const { scope, runner } = this.#find(taskToken)
    if (runner?.heartbeat(scope, taskToken) !== true) throw timedOut()
  }

  #end(taskToken: string, outcome: TaskOutcome): void {
    const { scope, runner } = this.#find(taskToken)
    if (runner?.endTask(scope, taskToken, outcome) !== true) throw timedOut()
  }

  #find(taskToken: unknown): { scope: number; runner: Runner | undefined } {
    const isText = typeof taskToken === 'string' && taskToken.length <= limits.taskTokenLength
    const place = isText ? placeOfToken(taskToken) : undefined
    if (place === undefined) {
      throw new EngineError('InvalidToken', "Invalid Token: 'Invalid token'")
    }
    return { scope: place.scope, runner: this.#runnerOf(place.execution) }
  }
}

function readOutput(text: string): Data {
  try {
    const data = new Data(JSON.parse(text) as Json)
    // A value nested too deep for the stack shows here.
    if (data.text.length > 0) return data
  } catch (error) {
    const { message } = error as Error
    throw new EngineError('InvalidOutput', `Invalid Output: '${message}'`, { cause: error })
  }
  throw new EngineError('InvalidOutput', "Invalid Output: 'no value'")
}

function timedOut(): EngineError {
  return new EngineError('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'")
}

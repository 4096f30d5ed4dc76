import { isObject, type Json } from './data.ts'
import { metadataOf } from './integrations/envelope.ts'
import { parseResource } from './integrations/resource.ts'
import type { TaskContext, TaskHandler, Tasks } from './tasks.ts'

/** Does the work of a Lambda function; `input` is its event. */
export type LambdaFunction = (input: Json, context: TaskContext) => unknown

/**
 * The tasks of `arn:aws:states:::lambda:invoke` (and of states whose Resource is a function's own ARN)
 * by local functions.
 *
 * A `lambda:invoke` task has Arguments `{ FunctionName, Payload? }`; its result is the envelope that
 * the service gives: `{ ExecutedVersion, Payload, SdkHttpMetadata, SdkResponseMetadata, StatusCode }`.
 * A function that throws fails the task as a Node.js function on Lambda does: Error is the error's
 * name, Cause the JSON `{ errorType, errorMessage, trace }`. A name without a function fails it with
 * `Lambda.ResourceNotFoundException`. With `.waitForTaskToken` the function's answer does not end the
 * task: its result is what `sendTaskSuccess` is given.
 *
 * @param functions the function of a FunctionName, or undefined
 */
export function lambdaInvoke(
  functions: (functionName: string) => LambdaFunction | undefined,
): Tasks {
  return (resource) => {
    const { service, action } = parseResource(resource)
    if (service === 'lambda' && action === 'invoke') {
      return async (input, context) => {
        const { FunctionName: name, Payload: payload = {} } = isObject(input)
          ? (input as { FunctionName?: unknown; Payload?: Json })
          : {}
        if (typeof name !== 'string') {
          throw named('States.Runtime', 'The field "FunctionName" is required in Arguments')
        }
        return envelope(await invoke(functions, name, payload, context))
      }
    }
    if (isFunctionArn(resource)) {
      return async (input, context) =>
        JSON.parse(await invoke(functions, resource, input, context)) as Json
    }
    return undefined
  }
}

export function isFunctionArn(resource: string): boolean {
  return /^arn:[a-z-]+:lambda:[^:]*:[^:]*:function:/.test(resource)
}

/** Answers the function's result as JSON text. */
async function invoke(
  functions: (functionName: string) => LambdaFunction | undefined,
  name: string,
  payload: Json,
  context: TaskContext,
): Promise<string> {
  const run: TaskHandler | undefined = functions(name)
  if (run === undefined) {
    throw named('Lambda.ResourceNotFoundException', `Function not found: ${name}`)
  }
  let result: unknown
  try {
    result = await run(payload, context)
  } catch (error) {
    throw functionError(error)
  }
  try {
    return JSON.stringify(result) ?? 'null'
  } catch (error) {
    throw named('Runtime.MarshalError', `Unable to stringify response body: ${String(error)}`)
  }
}

/** As the Node.js runtime reports it, but for the stack, which is of no use to a state machine. */
function functionError(error: unknown): Error {
  const { name, message } =
    error instanceof Error ? error : { name: 'Error', message: String(error) }
  return named(name, JSON.stringify({ errorType: name, errorMessage: message, trace: [] }))
}

function named(name: string, message: string): Error {
  const error = new Error(message)
  error.name = name
  return error
}

function envelope(payload: string): Json {
  return {
    ExecutedVersion: '$LATEST',
    Payload: JSON.parse(payload) as Json,
    ...metadataOf(payload, {
      'Content-Type': 'application/json',
      'X-Amz-Executed-Version': '$LATEST',
      'x-amzn-Remapped-Content-Length': '0',
    }),
    StatusCode: 200,
  }
}

import { randomUUID } from 'node:crypto'
import { isObject, type Json } from '../data.ts'
import type { Engine } from '../engine.ts'
import { EngineError } from '../errors.ts'
import { operations } from '../server/operations.ts'
import { InvalidRequest, readRequest, type Shape, UnreadableRequest } from '../server/shapes.ts'
import type { Tasks } from '../tasks.ts'
import { camelCase, pascalCase } from './case.ts'
import { parseResource } from './resource.ts'
import { nonceOfToken } from './token.ts'

/**
 * The tasks of `arn:aws:states:::aws-sdk:sfn:…`, by the engine's own operations: parameters and result
 * are the API's with names in PascalCase, errors are `Sfn.…Exception`.
 */
export function sfnTasks(engine: Engine): Tasks {
  return (resource) => {
    const { service, action } = parseResource(resource)
    if (service !== 'aws-sdk:sfn') return undefined
    const name = action.charAt(0).toUpperCase() + action.slice(1)
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (operation === undefined) return undefined
    return async (parameters, { taskToken }) => {
      try {
        const request = readRequest(operation.shape, requestOf(parameters, operation.shape))
        // The same again, when the engine was closed or killed before the task's end was written.
        if (name === 'StartExecution') request['name'] ??= nonceOfToken(taskToken)
        const response = await operation.run(engine, request as never)
        return pascalCase(response, (date) => date.toISOString())
      } catch (error) {
        throw asServiceError(error)
      }
    }
  }
}

/** Where the API takes text, the integration also takes JSON. */
function requestOf(parameters: Json, shape: Shape): unknown {
  if (!isObject(parameters)) return parameters
  const entries = Object.entries(parameters).map(([name, value]) => {
    const [member = name] = Object.keys(camelCase({ [name]: null }) as object)
    const isText = Object.hasOwn(shape, member) && shape[member]!.kind === 'string'
    const isJson = value !== null && typeof value === 'object'
    return [member, isText && isJson ? JSON.stringify(value) : camelCase(value)]
  })
  return Object.fromEntries(entries)
}

function asServiceError(error: unknown): unknown {
  const isInvalid = error instanceof InvalidRequest || error instanceof UnreadableRequest
  if (!isInvalid && !(error instanceof EngineError)) return error
  const name = isInvalid
    ? 'ValidationException'
    : error.name.replace(/(?:Exception)?$/, 'Exception')
  const message = `${error.message} (Service: Sfn, Status Code: 400, Request ID: ${randomUUID()}) (SDK Attempt Count: 1)`
  return Object.assign(new Error(message, { cause: error }), { name: `Sfn.${name}` })
}

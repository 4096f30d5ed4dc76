import type { Engine } from '../engine.ts'
import { EngineError } from '../errors.ts'
import { missingOperations, operations } from './operations.ts'
import { InvalidRequest, readRequest, UnreadableRequest } from './shapes.ts'

/** The answer to a request of the AWS JSON 1.0 protocol. */
export interface Reply {
  readonly status: number
  readonly body: string
}

const service = 'AWSStepFunctions.'

/**
 * Does the operation that `target`, the header `X-Amz-Target`, names. Never rejects.
 *
 * @param onFault is told of what is no fault of the request's
 */
export async function answer(
  engine: Engine,
  target: string | undefined,
  body: string,
  onFault: (error: unknown) => void,
): Promise<Reply> {
  const name = target?.startsWith(service) ? target.slice(service.length) : undefined
  const operation =
    name !== undefined && Object.hasOwn(operations, name) ? operations[name] : undefined
  if (operation === undefined) return unknownOperation(name)
  try {
    const request = readRequest(operation.shape, JSON.parse(body === '' ? '{}' : body))
    const response = await operation.run(engine, request as never)
    return { status: 200, body: JSON.stringify(response, showDate) }
  } catch (error) {
    return errorReply(error, onFault)
  }
}

/** A refusal for the reason `type`, as SDKs read it. */
export function refusal(status: number, type: string, message: string): Reply {
  return { status, body: JSON.stringify({ __type: type, message }) }
}

function unknownOperation(name: string | undefined): Reply {
  const isMissing = name !== undefined && missingOperations.has(name)
  return refusal(
    400,
    'com.amazon.coral.service#UnknownOperationException',
    isMissing
      ? `The operation ${name} is not supported by this engine`
      : 'The header X-Amz-Target names no operation of AWSStepFunctions',
  )
}

function errorReply(error: unknown, onFault: (error: unknown) => void): Reply {
  if (error instanceof InvalidRequest) {
    return refusal(400, 'com.amazon.coral.validate#ValidationException', error.message)
  }
  if (error instanceof UnreadableRequest || error instanceof SyntaxError) {
    return refusal(400, 'com.amazon.coral.service#SerializationException', error.message)
  }
  if (error instanceof EngineError) {
    if (error.name === 'EngineClosed') {
      return refusal(503, 'com.amazon.coral.availability#ServiceUnavailable', error.message)
    }
    if (error.name !== 'StorageFailed') {
      return refusal(400, `com.amazonaws.swf.service.v2.model#${error.name}`, error.message)
    }
  }
  onFault(error)
  return refusal(500, 'com.amazon.coral.service#InternalFailure', 'the engine failed')
}

/** Dates are seconds since 1970, with milliseconds. `JSON.stringify` has made texts of them before. */
function showDate(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[name]
  return original instanceof Date ? original.getTime() / 1000 : value
}

import { createHash, randomUUID } from 'node:crypto'
import { dataOf, isObject, type Json, type JsonObject } from '../data.ts'
import { EngineError } from '../errors.ts'
import type { TaskHandler, Tasks } from '../tasks.ts'
import { withMetadata } from './envelope.ts'
import { parseResource } from './resource.ts'

/**
 * The tasks of service integrations by functions of yours, each under its service and action; the
 * pattern (`.waitForTaskToken`, `.sync`) is the same function's.
 *
 * A function gets the task's parameters and answers what the service would, without what Step Functions
 * adds: `SdkHttpMetadata` and `SdkResponseMetadata` for optimised integrations, nothing for `aws-sdk:`.
 * `sqs:sendMessage` and `sns:publish` may leave out the message's id and digest; `events:putEvents`
 * may leave out the entries, and fails with `EventBridge.FailedEntry` when FailedEntryCount is not 0.
 *
 * @example
 * serviceTasks({
 *   'sqs:sendMessage': ({ MessageBody }) => void sent.push(MessageBody),
 *   'dynamodb:getItem': ({ Key }) => ({ Item: items.get(Key) }),
 *   'aws-sdk:s3:listBuckets': () => ({ Buckets: [] }),
 * })
 *
 * @throws ValidationException for a name that is no service and action
 */
export function serviceTasks(actions: Readonly<Record<string, TaskHandler>>): Tasks {
  const invalid = Object.keys(actions).find((name) => !/^(?:aws-sdk:)?[\w-]+:\w+$/.test(name))
  if (invalid !== undefined) {
    throw new EngineError(
      'ValidationException',
      `'${invalid}' is no service and action, as sqs:sendMessage or aws-sdk:s3:getObject`,
    )
  }
  return (resource) => {
    const { service, action, pattern } = parseResource(resource)
    const name = `${service}:${action}`
    if (!Object.hasOwn(actions, name)) return undefined
    const act = actions[name]!
    // What a job comes to has no envelope.
    const isPlain = service.startsWith('aws-sdk:') || pattern?.startsWith('.sync') === true
    return async (parameters, context) => {
      const answer = answerOf(name, await act(parameters, context))
      return isPlain ? answer : withMetadata(completed(name, parameters, answer))
    }
  }
}

/** Each task by the first that does tasks of its resource. */
export function combineTasks(...all: readonly Tasks[]): Tasks {
  return (resource, state) => {
    for (const tasks of all) {
      const handler = tasks(resource, state)
      if (handler !== undefined) return handler
    }
    return undefined
  }
}

function answerOf(name: string, answer: unknown): JsonObject {
  if (answer === undefined) return {}
  const { value } = dataOf(answer)
  if (isObject(value)) return value
  throw new TypeError(`${name} answers an object; found ${typeof value}`)
}

function completed(name: string, parameters: Json, answer: JsonObject): JsonObject {
  const given = isObject(parameters) ? parameters : {}
  switch (name) {
    case 'sqs:sendMessage': {
      const { MessageBody: body = '' } = given
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const MD5OfMessageBody = createHash('md5').update(text).digest('hex')
      return { MD5OfMessageBody, MessageId: randomUUID(), ...answer }
    }
    case 'sns:publish':
      return { MessageId: randomUUID(), ...answer }
    case 'events:putEvents': {
      const entries = Array.isArray(given['Entries']) ? given['Entries'] : []
      const sent = { Entries: entries.map(() => ({ EventId: randomUUID() })), FailedEntryCount: 0 }
      const result = { ...sent, ...answer }
      if (result.FailedEntryCount === 0) return result
      const { Entries, FailedEntryCount } = result
      const cause = JSON.stringify({ Entries, FailedEntryCount })
      throw Object.assign(new Error(cause), { name: 'EventBridge.FailedEntry' })
    }
    default:
      return answer
  }
}

import { Readable } from 'node:stream'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'

/** What DynamoDB does with a request: an answer, a refusal by name, or nothing that arrives. */
export type Reply =
  | { readonly answer: object }
  | { readonly error: string; readonly message?: string; readonly reasons?: readonly object[] }
  | 'lost'

export interface ScriptedRequest {
  readonly operation: string
  readonly body: Record<string, unknown>
}

/**
 * A client of the SDK that reaches no network: its requests get `replies`, one after the other, the
 * last one again and again.
 */
export function scriptedDynamoDB(...replies: readonly Reply[]): {
  client: DynamoDBClient
  requests: ScriptedRequest[]
} {
  const requests: ScriptedRequest[] = []
  const handle = async (request: { headers: Record<string, string>; body: Uint8Array }) => {
    const operation = request.headers['x-amz-target']!.split('.')[1]!
    const text = new TextDecoder().decode(request.body)
    requests.push({ operation, body: JSON.parse(text) as ScriptedRequest['body'] })
    const reply = replies[Math.min(requests.length, replies.length) - 1]!
    if (reply === 'lost') {
      throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' })
    }
    return { response: responseOf(reply) }
  }
  const client = new DynamoDBClient({
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: {
      handle,
      httpHandlerConfigs: () => ({}),
      updateHttpClientConfig: () => undefined,
    },
  })
  return { client, requests }
}

function responseOf(reply: Exclude<Reply, 'lost'>) {
  const body =
    'answer' in reply
      ? reply.answer
      : {
          __type: `com.amazonaws.dynamodb.v20120810#${reply.error}`,
          message: reply.message ?? 'refused',
          ...(reply.reasons && { CancellationReasons: reply.reasons }),
        }
  return {
    statusCode: 'answer' in reply ? 200 : 400,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Readable.from([Buffer.from(JSON.stringify(body))]),
  }
}

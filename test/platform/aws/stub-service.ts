import { Readable } from 'node:stream'

/** An error of a service, by the name that the SDK gives it. */
export class ServiceFault extends Error {
  readonly code: string
  readonly statusCode: number

  constructor(code: string, statusCode = 400) {
    super(`a stubbed ${code}`)
    this.code = code
    this.statusCode = statusCode
  }
}

/** A connection that breaks before the answer comes. */
export class LostAnswer extends Error {
  override readonly name = 'TimeoutError'
}

export type Answer = (operation: string, input: Record<string, unknown>) => unknown

export interface StubbedRequest {
  readonly operation: string
  readonly input: Record<string, unknown>
}

/**
 * Options of an SDK client whose requests are answered here: the real client serialises, retries and
 * reads errors, and nothing goes over a network. `answer` gives the body of an answer or throws
 * ServiceFault or LostAnswer.
 */
export function stubbed(answer: Answer): { options: object; requests: StubbedRequest[] } {
  const requests: StubbedRequest[] = []
  const handle = async (request: {
    headers: Record<string, string>
    body?: string | Uint8Array
  }) => {
    const operation = request.headers['x-amz-target']!.split('.').at(-1)!
    const { body = '' } = request
    const text = typeof body === 'string' ? body : new TextDecoder().decode(body)
    const input = JSON.parse(text) as Record<string, unknown>
    requests.push({ operation, input })
    try {
      return { response: jsonResponse(200, await answer(operation, input)) }
    } catch (error) {
      if (!(error instanceof ServiceFault)) throw error
      const { code, message, statusCode } = error
      return { response: jsonResponse(statusCode, { __type: code, message }) }
    }
  }
  const options = {
    region: 'us-east-1',
    endpoint: 'http://service.invalid',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { handle, metadata: { handlerProtocol: 'http/1.1' } },
  }
  return { options, requests }
}

function jsonResponse(statusCode: number, body: unknown) {
  return {
    statusCode,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: Readable.from([Buffer.from(JSON.stringify(body ?? {}))]),
  }
}

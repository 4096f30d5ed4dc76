import { request as httpRequest } from 'node:http'
import { describe, expect, it } from 'vitest'
import { machine } from './support.ts'
import { serve } from './served-engine.ts'

const pass = machine({ A: { Type: 'Pass', End: true } })

interface Raw {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** Answers the status and the body. */
async function send(url: string, { method = 'POST', headers = {}, body = '' }: Raw) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number | undefined
    body: Record<string, unknown>
  }>()
  const request = httpRequest(url, { method, headers, agent: false }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      resolve({
        status: response.statusCode,
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      })
    })
  })
  request.on('error', reject)
  request.end(body)
  return promise
}

const target = (name: string) => ({ 'X-Amz-Target': `AWSStepFunctions.${name}` })
const unknown = { __type: 'com.amazon.coral.service#UnknownOperationException' }

describe('the server', () => {
  it.each([
    ['no target', {}, 400, unknown],
    ['another service', { headers: { 'X-Amz-Target': 'DynamoDB_20120810.GetItem' } }, 400, unknown],
    ['an operation that is none', { headers: target('constructor') }, 400, unknown],
    ['a GET', { method: 'GET' }, 405, unknown],
    [
      'a body that is not JSON',
      { headers: target('ListStateMachines'), body: '{' },
      400,
      { __type: 'com.amazon.coral.service#SerializationException' },
    ],
    [
      'a body that is a list',
      { headers: target('ListStateMachines'), body: '[]' },
      400,
      { __type: 'com.amazon.coral.service#SerializationException' },
    ],
    [
      'a member of another type',
      { headers: target('ListStateMachines'), body: '{"maxResults":"1"}' },
      400,
      { __type: 'com.amazon.coral.service#SerializationException' },
    ],
    [
      'a body nested without end',
      {
        headers: target('TagResource'),
        body: `{"resourceArn":"a","tags":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
      },
      400,
      {},
    ],
    [
      '__proto__',
      { headers: target('ListStateMachines'), body: '{"__proto__":{"maxResults":9999}}' },
      200,
      {},
    ],
    ['no body', { headers: target('ListStateMachines') }, 200, { stateMachines: [] }],
    [
      'the prefix of StartSyncExecution',
      { headers: { ...target('ListStateMachines'), Host: 'sync-127.0.0.1:1' } },
      200,
      {},
    ],
    [
      'a host of elsewhere',
      { headers: { ...target('ListStateMachines'), Host: 'evil.example' } },
      403,
      { __type: 'com.amazon.coral.service#AccessDeniedException' },
    ],
  ] as [string, Raw, number, object][])('answers %s', async (_, raw, status, body) => {
    const { server } = await serve()
    const answer = await send(server.url, raw)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject(body)
  })

  it('refuses a body without an end', async () => {
    const { server } = await serve()
    const body = Buffer.alloc(9 * 1024 * 1024, ' ')
    const sent = send(server.url, { headers: target('ListStateMachines'), body })
    // The connection may be gone before all of it is sent.
    const status = await sent.then(
      (answer) => answer.status,
      () => 413,
    )
    expect(status).toBe(413)
    expect((await send(server.url, { headers: target('ListStateMachines') })).status).toBe(200)
  })

  it('refuses a port that is taken', async () => {
    const { engine, server } = await serve()
    await expect(engine.listen({ port: server.port })).rejects.toMatchObject({
      name: 'ListenFailed',
      message: expect.stringContaining(`port ${server.port} of 127.0.0.1 is taken`) as string,
    })
  })

  it('ends with the engine, and by itself', async () => {
    const { engine, server } = await serve()
    const other = await engine.listen()
    await other.close()
    await expect(send(other.url, {})).rejects.toThrow()
    await engine.close()
    await expect(send(server.url, {})).rejects.toThrow()
    await expect(engine.listen()).rejects.toMatchObject({ name: 'EngineClosed' })
  })

  it('tells of faults of its own, and not what they are', async () => {
    const errors: unknown[] = []
    const { engine, server } = await serve({
      onError: (error) => errors.push(error),
      onStatusChange: () => {
        throw new Error('the outbox is broken')
      },
    })
    const { stateMachineArn } = await engine.createStateMachine({ name: 'm', definition: pass })
    const answer = await send(server.url, {
      headers: target('StartExecution'),
      body: JSON.stringify({ stateMachineArn }),
    })
    expect(answer).toEqual({
      status: 500,
      body: { __type: 'com.amazon.coral.service#InternalFailure', message: 'the engine failed' },
    })
    expect(errors.map(String)).toEqual(['Error: the outbox is broken'])
  })
})

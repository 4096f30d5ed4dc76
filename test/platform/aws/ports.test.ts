import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { awsPorts } from '../../../platform/aws/ports.ts'
import {
  RecordingLogger,
  RecordingMetrics,
} from '../../../platform/testing/memory-observability.ts'
import { rejection } from '../../contracts/expect-error.ts'

const settings = {
  bucket: 'data-bucket',
  table: 'platform-table',
  queueUrl: 'http://127.0.0.1/000000000000/queue',
  deadLetterQueueUrl: 'http://127.0.0.1/000000000000/dead-letters',
  eventBus: 'default',
  stateMachines: { training: 'arn:aws:states:us-east-1:000000000000:stateMachine:m-training' },
}

let server: Server
let endpoint: string
const requests: { path: string; target: string; connection: number | undefined }[] = []

/** Refuses all that it is asked, as AWS refuses what a role may not do. */
beforeAll(async () => {
  // A client that is held up for seconds keeps its connection.
  server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    requests.push({
      path: request.url!,
      target: String(request.headers['x-amz-target'] ?? ''),
      connection: request.socket.remotePort,
    })
    request.resume().on('end', () => {
      response.writeHead(403, { 'content-type': 'application/x-amz-json-1.0' })
      response.end(request.method === 'POST' ? '{"__type":"AccessDeniedException"}' : '')
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.close()
  server.closeAllConnections()
})

beforeEach(() => void requests.splice(0))

function ports() {
  const logger = new RecordingLogger()
  const opened = awsPorts(settings, {
    logger,
    metrics: new RecordingMetrics(),
    client: {
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
  })
  return { ...opened, logger }
}

describe('the ports on AWS', () => {
  it('know their bucket at once, and ask nothing of AWS until they are called', async () => {
    expect(ports().objects.bucket).toBe('data-bucket')
    await ports().load('objects', 'table')
    expect(requests).toEqual([])
  })

  const calls: [string, (on: ReturnType<typeof ports>) => Promise<unknown>, string][] = [
    ['objects', ({ objects }) => objects.head('a/b'), '/data-bucket/a/b'],
    ['table', ({ table }) => table.get('pk', 'sk'), 'DynamoDB_20120810.GetItem'],
    ['queue', ({ queue }) => queue.send({ n: 1 }), 'AmazonSQS.SendMessage'],
    [
      'bus',
      ({ bus }) => bus.publish([{ source: 'a', detailType: 'b', detail: {} }]),
      'AWSEvents.PutEvents',
    ],
    ['log', ({ log }) => log.append('key', [{ n: 1 }]), 'DynamoDB_20120810.'],
    [
      'executions',
      ({ executions }) => executions.describe('training', 'run'),
      'AWSStepFunctions.DescribeExecution',
    ],
  ]
  it.each(calls)('ask the service of %s, by its path or its operation', async (_, call, asked) => {
    await rejection(call(ports()), 'AccessRefused')
    expect(requests.map(({ path, target }) => `${path} ${target}`).join('\n')).toContain(asked)
  })

  it('have one client a service, which keeps its connection', async () => {
    const opened = ports()
    for (let i = 0; i < 3; i++) await rejection(opened.table.get('pk', 'sk'), 'AccessRefused')
    await rejection(opened.log.append('key', [{ n: 1 }]), 'AccessRefused')
    expect(requests.length).toBeGreaterThan(3)
    expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1)
  })

  it('log a subscription that cannot begin, and stop it without harm', async () => {
    const { log, logger } = ports()
    const [first, second] = ['monitor', 'monitor'].map((consumer) =>
      log.subscribe(consumer, async () => undefined),
    )
    await second!()
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'a subscription could not begin' }),
    )
    await first!()
  })

  it('refuse the name of a consumer at once', () => {
    expect(() => ports().log.subscribe('', async () => undefined)).toThrow(
      expect.objectContaining({ name: 'RequestInvalid' }),
    )
  })
})

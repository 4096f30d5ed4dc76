import { afterEach, describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import { powertoolsLogger } from '../../../platform/aws/function-logger.ts'
import { redactedText } from '../../../platform/aws/redaction.ts'
import { taskFunction } from '../../../platform/aws/task-function.ts'
import { MillraceError } from '../../../platform/ports/index.ts'
import { defineTask } from '../../../tasks/task.ts'
import { lambdaContext, memoryRuntime } from './memory-runtime.ts'

const signature = 'b3c1f0de7a5599aa'
const signedUrl = `https://bucket.s3.amazonaws.com/uploads/ada/iris.npy?X-Amz-Signature=${signature}&X-Amz-Security-Token=FwoGZXIvYXdzEBc`
const webToken = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl'
const accessKey = 'AKIAIOSFODNN7EXAMPLE'
const ourKey = `mr_3f0c91b2a47d5e68_${'s-_Z'.repeat(10)}abc`
const password = 'correct-horse'
const row = [5.125, 3.5625, 1.4375, 0.21875]

/** Everything that must not be read in a log, in every place of a payload. */
const hostile = {
  rows: [row, row.map((value) => value * 2)],
  upload: signedUrl,
  [signedUrl]: webToken,
  [row.join(',')]: 1,
  nested: { authorization: `Bearer ${webToken}`, apiKey: accessKey, password },
  execution: signedUrl,
  label: `the key ${ourKey}`,
}
const secrets = [
  signature,
  'FwoGZXIvYXdzEBc',
  webToken,
  accessKey,
  ourKey,
  password,
  '3.5625',
  '7.125',
]

/** What is written to standard output and standard error. */
function captured(): string[] {
  const written: string[] = []
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((chunk) => {
      written.push(String(chunk))
      return true
    })
  }
  return written
}

afterEach(() => vi.restoreAllMocks())

describe('the log of a function', () => {
  const strict = defineTask({
    name: 'Strict',
    input: z.strictObject({ n: z.number() }),
    output: z.unknown(),
    run: async () => null,
  })
  const throwing = (error: (payload: unknown) => unknown) =>
    defineTask({
      name: 'Throw',
      input: z.unknown(),
      output: z.unknown(),
      async run(payload) {
        throw error(payload)
      },
    })
  const tasks = [
    ['a payload that its schema refuses', strict],
    ['an error that tells its payload', throwing((payload) => new Error(JSON.stringify(payload)))],
    [
      'an error with details and a cause',
      throwing(
        (payload) =>
          new MillraceError('StorageFailed', `reading ${signedUrl}`, {
            cause: new Error(JSON.stringify(payload)),
            details: payload as Record<string, unknown>,
          }),
      ),
    ],
    ['an error whose name tells it', throwing(() => ({ name: webToken, message: password }))],
    [
      'a task that logs its payload',
      defineTask({
        name: 'Log',
        input: z.unknown(),
        output: z.unknown(),
        async run(payload, { logger }) {
          logger.info(JSON.stringify(payload), payload as never)
          logger.error('fields', { payload: payload as never, url: signedUrl, token: webToken })
          return payload
        },
      }),
    ],
  ] as const

  it.each(tasks)('has no row, token or signed URL: %s', async (_, task) => {
    const runtime = { ...memoryRuntime(), logger: powertoolsLogger() }
    const ports = { ...runtime.ports, logger: runtime.logger }
    const written = captured()
    const handler = taskFunction(task, () => ({ ...runtime, ports }))
    const thrown: unknown = await handler(hostile, lambdaContext()).then(
      () => undefined,
      (error: unknown) => error,
    )
    vi.restoreAllMocks()
    expect(written.length).toBeGreaterThan(1)
    const text = written.join('')
    // Lambda writes a thrown error with its own properties.
    const told = String(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown ?? {})))
    for (const secret of secrets) {
      expect(text).not.toContain(secret)
      expect(told).not.toContain(secret)
    }
  })

  it('is JSON that says which call and which task it is of', async () => {
    const runtime = { ...memoryRuntime(), logger: powertoolsLogger() }
    const written = captured()
    await taskFunction(
      defineTask({ name: 'Plain', input: z.unknown(), output: z.unknown(), run: async () => null }),
      () => runtime,
    )({ execution: 'run-7' }, lambdaContext())
    vi.restoreAllMocks()
    const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toMatchObject([
      {
        message: 'task started',
        task: 'Plain',
        execution: 'run-7',
        function_name: 'millrace-claim',
      },
      { message: 'task ended', level: 'INFO', function_request_id: lambdaContext().awsRequestId },
    ])
  })
})

describe('a text for the log', () => {
  it.each([
    'no object uploads/ada/iris.npy version 3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY',
    'the item "model#ada/iris", "version#0000000001": ThrottlingException: slow down (request 7c9e-11)',
    'ada/iris version 3 takes 4 features, got 5',
    'https://docs.aws.amazon.com/step-functions/latest/dg/limits.html',
    'claim: input: event.detail.object.sequencer: Invalid input: expected string',
  ])('is left as it is where it tells no secret: %s', (text) => {
    expect(redactedText(text)).toBe(text)
  })

  it('is cut when it is long, in little time', () => {
    for (const piece of ['1 ', 'token=', 'https://a?', '-+1e', '[[', 'eyJ']) {
      expect(redactedText(piece.repeat(1_000_000)).length).toBeLessThan(30_000)
    }
  })
})

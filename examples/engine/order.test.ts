import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  combineTasks,
  type Engine,
  lambdaInvoke,
  openEngine,
  serviceTasks,
  virtualClock,
} from 'millrace/engine'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runOrder } from './run.ts'
import { listOverHttp } from './serve.ts'

const definition = await readFile(new URL('order.asl.json', import.meta.url), 'utf8')
const day = 24 * 60 * 60 * 1000

let engine: Engine
let calls: string[]
let messages: { order: string; token: string }[]

beforeEach(async () => {
  calls = []
  messages = []
  engine = await openEngine({
    clock: virtualClock({ start: 0 }),
    tasks: combineTasks(
      lambdaInvoke((name) => (_, { attempt }) => {
        calls.push(`${name} ${attempt}`)
        if (name === 'charge' && attempt < 3) throw named('CardBusy', 'later')
        return name === 'charge' ? { receipt: 'r-1' } : 'parcel-1'
      }),
      serviceTasks({
        'sqs:sendMessage': (input) => {
          messages.push((input as { MessageBody: (typeof messages)[0] }).MessageBody)
        },
      }),
    ),
  })
})

afterEach(() => engine.close())

describe('the order', () => {
  it('is charged at the third attempt, shipped, and ends a month later', async () => {
    const { stateMachineArn } = await engine.createStateMachine({ name: 'order', definition })
    const { executionArn } = await engine.startExecution({
      stateMachineArn,
      input: '{"id":"A-1","total":120}',
    })
    const { status, output, stopDate } = await engine.waitFor(executionArn)

    expect(status).toBe('SUCCEEDED')
    expect(JSON.parse(output!)).toEqual({ receipt: 'r-1', parcel: 'parcel-1' })
    expect(calls).toEqual(['charge 1', 'charge 2', 'charge 3', 'ship 1'])
    const retries = 60_000 + 120_000
    expect(stopDate?.getTime()).toBe(retries + 30 * day)
  })

  it('waits for a person when it is large', async () => {
    const { stateMachineArn } = await engine.createStateMachine({ name: 'order', definition })
    const { executionArn } = await engine.startExecution({
      stateMachineArn,
      input: '{"id":"A-2","total":5000}',
    })
    for await (const { type } of engine.watch(executionArn)) {
      if (type === 'TaskSubmitted') {
        await engine.sendTaskSuccess({ taskToken: messages[0]!.token, output: '"yes"' })
      }
    }
    expect((await engine.describeExecution({ executionArn })).status).toBe('SUCCEEDED')
    expect(messages).toMatchObject([{ order: 'A-2' }])
  })
})

describe('the state Charge', () => {
  it('goes on when the card is good', async () => {
    const tested = await engine.testState({
      definition,
      stateName: 'Charge',
      input: '{"total":120}',
      mock: { result: '{"Payload":{"receipt":"r-9"}}' },
      inspectionLevel: 'DEBUG',
    })
    expect(tested).toMatchObject({ status: 'SUCCEEDED', nextState: 'IsLarge' })
    expect(tested.inspectionData?.variables).toBe('{"receipt":"r-9"}')
  })

  it('is tried again a minute later when the card is busy, three times', async () => {
    const test = (retrierRetryCount: number) =>
      engine.testState({
        definition,
        stateName: 'Charge',
        mock: { errorOutput: { error: 'CardBusy' } },
        stateConfiguration: { retrierRetryCount },
      })
    expect((await test(0)).status).toBe('RETRIABLE')
    expect((await test(3)).status).toBe('FAILED')
  })
})

describe('a definition with a fault', () => {
  it('is told where it is', async () => {
    const { result, diagnostics } = await engine.validateStateMachineDefinition({
      definition: definition.replace('"Next": "Ship"', '"Next": "Shp"'),
    })
    expect(result).toBe('FAIL')
    expect(diagnostics[0]?.location).toContain('/States/')
  })
})

describe('the programs', () => {
  it('run a file and print its history', async () => {
    const lines: string[] = []
    expect(await runOrder((line) => lines.push(line))).toEqual({
      status: 'SUCCEEDED',
      output: { receipt: 'charged 120', parcel: 'parcel-A-1' },
    })
    expect(lines[1]).toMatch(/TaskStateEntered Charge$/)
    expect(lines.at(-1)).toMatch(/^2024-01-31T00:00:00.000Z {2}ExecutionSucceeded/)
  })

  it('speak the protocol of the service', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'engine-example-'))
    expect(await listOverHttp(dataDir)).toEqual(['hello'])
    await rm(dataDir, { recursive: true })
  })
})

function named(name: string, message: string): Error {
  const error = new Error(message)
  error.name = name
  return error
}

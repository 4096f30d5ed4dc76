import { SFNClient } from '@aws-sdk/client-sfn'
import { describe, expect, it } from 'vitest'
import { stepFunctionsExecutions } from '../../../platform/aws/executions.ts'
import type { ExecutionSummary } from '../../../platform/ports/executions.ts'
import { encodeCursor } from '../../../platform/ports/page.ts'
import { rejection } from '../../contracts/expect-error.ts'
import { type Answer, LostAnswer, ServiceFault, stubbed } from './stub-service.ts'

const machineArn = (name: string) =>
  `arn:aws-cn:states:cn-north-1:123456789012:stateMachine:${name}`
const executionArn = (machine: string, name: string) =>
  `arn:aws-cn:states:cn-north-1:123456789012:execution:${machine}:${name}`

const workflows = ['training', 'reports', 'cleaning']

function open(answer: Answer) {
  const { options, requests } = stubbed(answer)
  const executions = stepFunctionsExecutions({
    client: new SFNClient(options),
    stateMachines: Object.fromEntries(workflows.map((one) => [one, machineArn(`Stack-${one}`)])),
  })
  return { executions, requests, operations: () => requests.map(({ operation }) => operation) }
}

const described = (more: object = {}) => ({
  executionArn: executionArn('Stack-training', 'a'),
  stateMachineArn: machineArn('Stack-training'),
  name: 'a',
  status: 'RUNNING',
  startDate: 1_700_000_000.123,
  input: '{ "n": 1 }',
  redriveCount: 2,
  ...more,
})

describe('stepFunctionsExecutions', () => {
  it('starts by one request, on the state machine of the workflow', async () => {
    const { executions, requests } = open(() => ({ startDate: 1_700_000_000.123 }))
    expect(await executions.start({ workflow: 'training', name: 'a', input: { n: 1 } })).toEqual({
      workflow: 'training',
      name: 'a',
      status: 'RUNNING',
      startDate: '2023-11-14T22:13:20.123Z',
      redriveCount: 0,
      input: { n: 1 },
    })
    expect(requests).toEqual([
      {
        operation: 'StartExecution',
        input: { stateMachineArn: machineArn('Stack-training'), name: 'a', input: '{"n":1}' },
      },
    ])
  })

  it('starts again when the answer was lost', async () => {
    let starts = 0
    const { executions, operations } = open(() => {
      starts++
      if (starts === 1) throw new LostAnswer('the connection broke')
      return { startDate: 1 }
    })
    await executions.start({ workflow: 'training', name: 'a', input: {} })
    expect(operations()).toEqual(['StartExecution', 'StartExecution'])
  })

  it('says what holds the name that was to be started', async () => {
    for (const [found, said] of [
      [{ status: 'RUNNING' }, 'it is RUNNING with another input'],
      [{ status: 'FAILED', input: '{"n":2}' }, 'it is FAILED'],
    ] as const) {
      const { executions } = open((operation) => {
        if (operation === 'StartExecution') throw new ServiceFault('ExecutionAlreadyExists')
        return described(found)
      })
      const starting = executions.start({ workflow: 'training', name: 'a', input: { n: 2 } })
      const error = await rejection(starting, 'ExecutionConflict')
      expect(error.message).toContain(said)
      expect(error.cause).toMatchObject({ name: 'ExecutionAlreadyExists' })
    }
  })

  it('reads what the service says of an execution', async () => {
    const { executions, requests } = open(() =>
      described({ status: 'SUCCEEDED', stopDate: 1_700_000_001, output: '[1]' }),
    )
    expect(await executions.describe('training', 'a')).toEqual({
      workflow: 'training',
      name: 'a',
      status: 'SUCCEEDED',
      startDate: '2023-11-14T22:13:20.123Z',
      stopDate: '2023-11-14T22:13:21.000Z',
      redriveCount: 2,
      input: { n: 1 },
      output: [1],
    })
    expect(requests[0]!.input).toEqual({ executionArn: executionArn('Stack-training', 'a') })
  })

  it('takes an execution that waits for its redrive for one that runs', async () => {
    const { executions } = open(() => described({ status: 'PENDING_REDRIVE' }))
    expect((await executions.describe('training', 'a')).status).toBe('RUNNING')
  })

  it('asks the service for names that others can have given', async () => {
    const { executions, requests } = open(() => described({ name: 'of.others' }))
    expect((await executions.describe('training', 'of.others')).name).toBe('of.others')
    expect(requests[0]!.input).toEqual({
      executionArn: executionArn('Stack-training', 'of.others'),
    })
  })

  it('redrives, once for a request whose answer was lost', async () => {
    let redrives = 0
    const { executions, requests } = open(() => {
      redrives++
      if (redrives === 1) throw new LostAnswer('the connection broke')
      return { redriveDate: 1 }
    })
    await executions.redrive('training', 'a')
    expect(requests.map(({ operation }) => operation)).toEqual([
      'RedriveExecution',
      'RedriveExecution',
    ])
    expect(requests[0]!.input['executionArn']).toBe(executionArn('Stack-training', 'a'))
    expect(requests[0]!.input['clientToken']).toMatch(/^.{8,}$/)
    expect(requests[1]!.input).toEqual(requests[0]!.input)
  })

  it.each([
    ['ExecutionNotRedrivable', 'ExecutionConflict'],
    ['ExecutionDoesNotExist', 'ExecutionNotFound'],
    ['ExecutionLimitExceeded', 'StorageFailed'],
    ['AccessDeniedException', 'AccessRefused'],
  ] as const)('tells of a redrive that meets %s', async (code, name) => {
    const { executions } = open(() => {
      throw new ServiceFault(code)
    })
    const error = await rejection(executions.redrive('training', 'a'), name)
    expect(error.message).toContain(`redriving the execution a: ${code}`)
    expect(error.cause).toMatchObject({ name: code })
  })

  it.each([
    ['StateMachineDoesNotExist', 'WorkflowNotFound'],
    ['StateMachineDeleting', 'WorkflowNotFound'],
    ['InvalidName', 'NameInvalid'],
    ['InvalidExecutionInput', 'ItemInvalid'],
    ['ExecutionLimitExceeded', 'StorageFailed'],
  ] as const)('tells of a start that meets %s', async (code, name) => {
    const { executions } = open(() => {
      throw new ServiceFault(code)
    })
    await rejection(executions.start({ workflow: 'training', name: 'a', input: {} }), name)
  })

  it('tells of a stop that is refused though the execution runs', async () => {
    const { executions } = open((operation) => {
      if (operation === 'StopExecution') throw new ServiceFault('ValidationException')
      return described()
    })
    await rejection(executions.stop('training', 'a'), 'StorageFailed')
  })
})

describe('the history on Step Functions', () => {
  const count = 2500
  const event = (id: number) => ({
    id,
    previousEventId: id - 1,
    type: 'PassStateEntered',
    timestamp: id,
    stateEnteredEventDetails: { name: `state ${id}`, input: '1' },
  })
  const openHistory = () =>
    open((_, { nextToken, reverseOrder, maxResults }) => {
      const from = Number(nextToken ?? 0)
      const to = from + Number(maxResults)
      const ids = Array.from({ length: count }, (_, i) => (reverseOrder ? count - i : i + 1))
      return {
        events: ids.slice(from, to).map(event),
        ...(to < count ? { nextToken: String(to) } : {}),
      }
    })

  it.each([
    [0, 1000, 1],
    [0, 10, 1],
    [2499, 1000, 1],
    [2400, 10, 1],
    [1000, 1000, 2],
    [1, 1000, 3],
    [2500, 1000, 1],
  ])('after %d, at most %d events, takes %d requests', async (after, limit, requestCount) => {
    const { executions, requests } = openHistory()
    const events = await executions.history('training', 'a', { after, limit })
    const expected = Array.from({ length: Math.min(limit, count - after) }, (_, i) => after + i + 1)
    expect(events.map(({ id }) => id)).toEqual(expected)
    expect(requests).toHaveLength(requestCount)
  })

  it('gives each event with its details', async () => {
    const { executions } = openHistory()
    expect(await executions.history('training', 'a', { after: 2499 })).toEqual([
      {
        id: 2500,
        previousEventId: 2499,
        type: 'PassStateEntered',
        timestamp: '1970-01-01T00:41:40.000Z',
        details: { name: 'state 2500', input: '1' },
      },
    ])
  })
})

describe('the list on Step Functions', () => {
  interface Listed {
    readonly name: string
    readonly startDate: number
    readonly status: string
  }

  /** Executions of three workflows, the newest first, at times that interleave and repeat. */
  const made = () =>
    Object.fromEntries(
      workflows.map((workflow, w) => [
        workflow,
        Array.from({ length: 150 + 60 * w }, (_, i): Listed => ({
          name: `${workflow}-${i}`,
          startDate: 1_700_000_000 - Math.floor((i * (w + 2)) / 3),
          status: i % 4 === 0 ? 'FAILED' : 'SUCCEEDED',
        })),
      ]),
    )

  const openList = (all: Record<string, Listed[]> = made()) =>
    open((_, { stateMachineArn, statusFilter, maxResults, nextToken }) => {
      const workflow = String(stateMachineArn).split('Stack-')[1]!
      const found = all[workflow]!.filter(
        ({ status }) => statusFilter === undefined || status === statusFilter,
      )
      if (nextToken !== undefined && !/^\d+$/.test(nextToken as string)) {
        throw new ServiceFault('InvalidToken')
      }
      const from = Number(nextToken ?? 0)
      const to = from + Number(maxResults)
      return {
        executions: found
          .slice(from, to)
          .map((one) => ({ ...one, executionArn: 'arn', stateMachineArn })),
        ...(to < found.length ? { nextToken: String(to) } : {}),
      }
    })

  const allOf = async (
    { executions }: ReturnType<typeof open>,
    options: { workflow?: string; status?: 'FAILED'; limit: number },
  ): Promise<ExecutionSummary[]> => {
    const found: ExecutionSummary[] = []
    let cursor: string | undefined
    do {
      const page = await executions.list({
        ...options,
        ...(cursor === undefined ? {} : { cursor }),
      })
      found.push(...page.executions)
      cursor = page.cursor
    } while (cursor !== undefined)
    return found
  }

  it.each([7, 50, 100, 1000])('merges all workflows by pages of %d', async (limit) => {
    const all = made()
    const found = await allOf(openList(all), { limit })
    const names = Object.values(all).flatMap((list) => list.map(({ name }) => name))
    expect(found.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    const starts = found.map(({ startDate }) => startDate)
    expect(starts).toEqual(starts.toSorted().reverse())
    const ofOne = found.filter(({ workflow }) => workflow === 'reports')
    expect(ofOne.map(({ name }) => name)).toEqual(all['reports']!.map(({ name }) => name))
  })

  it('merges those of a status', async () => {
    const found = await allOf(openList(), { limit: 13, status: 'FAILED' })
    expect(found).toHaveLength(38 + 53 + 68)
    expect(new Set(found.map(({ status }) => status))).toEqual(new Set(['FAILED']))
    expect(new Set(found.map(({ name }) => name)).size).toBe(found.length)
  })

  it('asks once for a page of one workflow', async () => {
    const list = openList()
    await list.executions.list({ workflow: 'training', limit: 50 })
    expect(list.requests).toHaveLength(1)
  })

  it('goes on where it was when many were started since', async () => {
    const all = made()
    const { executions } = openList(all)
    const first = await executions.list({ workflow: 'training', limit: 10 })
    const newer = Array.from({ length: 250 }, (_, i): Listed => ({
      name: `newer-${i}`,
      startDate: 1_700_001_000 - i,
      status: 'RUNNING',
    }))
    all['training']!.unshift(...newer)
    const next = await executions.list({ workflow: 'training', limit: 2, cursor: first.cursor! })
    expect(next.executions.map(({ name }) => name)).toEqual(['training-10', 'training-11'])
  })

  it('goes on after an execution that no longer has the status', async () => {
    const all = made()
    const { executions } = openList(all)
    const first = await executions.list({ workflow: 'training', status: 'FAILED', limit: 3 })
    const last = first.executions.at(-1)!
    all['training'] = all['training']!.filter(({ name }) => name !== last.name)
    const rest = {
      workflow: 'training',
      status: 'FAILED',
      limit: 2,
      cursor: first.cursor!,
    } as const
    const next = await executions.list(rest)
    expect(last.name).toBe('training-8')
    expect(next.executions.map(({ name }) => name)).toEqual(['training-12', 'training-16'])
  })

  it('gives a cursor up that is too far behind', async () => {
    const all = made()
    const { executions } = openList(all)
    const first = await executions.list({ workflow: 'training', limit: 10 })
    const newer = Array.from({ length: 1000 }, (_, i): Listed => ({
      name: `newer-${i}`,
      startDate: 1_700_001_000 - i / 10,
      status: 'RUNNING',
    }))
    all['training']!.unshift(...newer)
    const next = executions.list({ workflow: 'training', cursor: first.cursor! })
    await rejection(next, 'CursorInvalid')
  })

  it.each([
    'x',
    '{}',
    '[["training",null]]',
    '[["training",1,null]]',
    '[["none",null,null]]',
    '[["toString",null,null]]',
    '[["training",null,null],["training",null,null]]',
    '[["training","forged",null]]',
  ])('refuses a cursor that says %s', async (position) => {
    const { executions } = openList()
    const cursor = encodeCursor(['executions', null, null], position)
    await rejection(executions.list({ cursor }), 'CursorInvalid')
  })

  it('lists nothing of no workflows', async () => {
    const client = new SFNClient(stubbed(() => ({})).options)
    const executions = stepFunctionsExecutions({ client, stateMachines: {} })
    expect(await executions.list()).toEqual({ executions: [] })
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  Executions,
  ExecutionStatus,
  ExecutionSummary,
} from '../../platform/ports/executions.ts'
import { rejection } from './expect-error.ts'

export interface OpenExecutions {
  /** Executions of the workflows of `contractWorkflows`, none yet. */
  readonly executions: Executions
  close(): Promise<void>
}

export interface ExecutionsOptions {
  /** What the service behind an adapter does not have, to be tested otherwise. */
  readonly lacks?: readonly 'redrive'[]
}

const waiting = {
  QueryLanguage: 'JSONata',
  StartAt: 'Rest',
  // Longer than any test, and short enough to leave nothing behind for long.
  States: { Rest: { Type: 'Wait', Seconds: 60, End: true } },
}

/** Definitions of the workflows that the contracts start: they call no task. */
export const contractWorkflows: Readonly<Record<string, object>> = {
  'contract-waiting': waiting,
  'contract-resting': waiting,
  'contract-steps': {
    QueryLanguage: 'JSONata',
    StartAt: 'Double',
    States: {
      Double: {
        Type: 'Pass',
        Output: { doubled: '{% $states.input.n * 2 %}' },
        Next: 'Compare',
      },
      Compare: {
        Type: 'Choice',
        Choices: [{ Condition: '{% $states.input.doubled > 100 %}', Next: 'Refuse' }],
        Default: 'Done',
      },
      Refuse: { Type: 'Fail', Error: 'TooMuch', Cause: 'over a hundred' },
      Done: { Type: 'Succeed' },
    },
  },
}

/** What every executions port promises of requests, also one that runs nothing. */
export function executionRequestsContract(
  name: string,
  open: () => Promise<OpenExecutions>,
  { lacks = [] }: ExecutionsOptions = {},
): void {
  describe(`requests for executions: ${name}`, () => {
    let executions: Executions
    let opened: OpenExecutions
    beforeEach(async () => {
      opened = await open()
      executions = opened.executions
    })
    afterEach(() => opened.close())

    const workflow = 'contract-waiting'
    const start = (one: string, input: unknown = {}) =>
      executions.start({ workflow, name: one, input })

    it('starts an execution', async () => {
      const started = await start('a', { n: 1, text: 'ä😀' })
      expect(started).toEqual({
        workflow,
        name: 'a',
        status: 'RUNNING',
        startDate: new Date(started.startDate).toISOString(),
        redriveCount: 0,
        input: { n: 1, text: 'ä😀' },
      })
      expect(await executions.describe(workflow, 'a')).toEqual(started)
      const { executions: listed } = await executions.list()
      expect(started).toMatchObject(listed[0]!)
      expect(listed).toHaveLength(1)
    })

    it('answers a running execution to who starts it again', async () => {
      const input = { at: new Date(0), missing: undefined, list: [1, Number.NaN] }
      const first = await start('a', input)
      expect(first.input).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [1, null] })
      expect(await start('a', structuredClone(input))).toEqual(first)
      expect((await executions.list()).executions).toHaveLength(1)
    })

    it('starts one execution for many who start it at the same time', async () => {
      const started = await Promise.all(Array.from({ length: 10 }, () => start('a', { n: 1 })))
      expect(new Set(started.map(({ startDate }) => startDate)).size).toBe(1)
      expect((await executions.list()).executions).toHaveLength(1)
    })

    it('refuses a name that is taken', async () => {
      await start('a', { n: 1 })
      await rejection(start('a', { n: 2 }), 'ExecutionConflict')
      await executions.stop(workflow, 'a')
      await rejection(start('a', { n: 1 }), 'ExecutionConflict')
      expect(await executions.describe(workflow, 'a')).toMatchObject({ input: { n: 1 } })
      const elsewhere = await executions.start({
        workflow: 'contract-resting',
        name: 'a',
        input: { n: 2 },
      })
      expect(elsewhere.status).toBe('RUNNING')
    })

    it('takes inputs of 256 KiB of JSON and no more', async () => {
      const largest = 'x'.repeat(256 * 1024 - 2)
      await rejection(start('a', `${largest}x`), 'MessageTooLarge')
      await rejection(executions.describe(workflow, 'a'), 'ExecutionNotFound')
      expect((await start('a', largest)).input).toBe(largest)
    })

    it.each([undefined, () => 1, 1n, Symbol('x')])('refuses the input %o', async (input) => {
      await rejection(executions.start({ workflow, name: 'a', input }), 'ItemInvalid')
    })

    it.each(['', 'a b', 'a/b', 'a:b', 'ä', 'a.b', 'x'.repeat(81)])(
      'refuses the name %j',
      async (one) => {
        await rejection(start(one), 'NameInvalid')
        await rejection(executions.describe(workflow, one), 'ExecutionNotFound')
        await rejection(executions.history(workflow, one), 'ExecutionNotFound')
      },
    )

    it('takes names of up to 80 letters, digits, _ and -', async () => {
      const longest = 'Az09_-'.padEnd(80, 'x')
      expect((await start(longest)).name).toBe(longest)
      expect((await executions.describe(workflow, longest)).name).toBe(longest)
    })

    it('lists the newest first, by workflow and by pages', async () => {
      const started: string[] = []
      for (const [i, of] of ['waiting', 'resting', 'waiting', 'waiting', 'resting'].entries()) {
        await executions.start({ workflow: `contract-${of}`, name: `run-${i}`, input: i })
        started.unshift(`contract-${of} run-${i}`)
      }
      const listed = (found: readonly ExecutionSummary[]) =>
        found.map((one) => `${one.workflow} ${one.name}`)
      const whole = await executions.list()
      expect(listed(whole.executions)).toEqual(started)
      expect(whole.cursor).toBeUndefined()
      const resting = await executions.list({ workflow: 'contract-resting', limit: 2 })
      expect(listed(resting.executions)).toEqual(started.filter((one) => one.includes('resting')))
      expect(resting.cursor).toBeUndefined()
      for (const limit of [1, 2, 3, 5]) {
        expect(listed(await allPages(executions, { limit }))).toEqual(started)
      }
      expect(listed(await allPages(executions, { workflow, limit: 2 }))).toEqual(
        started.filter((one) => one.includes('waiting')),
      )
    })

    it('neither repeats nor leaves out what was there when a list began', async () => {
      for (const one of ['a', 'b', 'c']) await start(one)
      const first = await executions.list({ limit: 1 })
      await start('d')
      const rest = await executions.list({ limit: 10, cursor: first.cursor! })
      const names = [...first.executions, ...rest.executions].map((one) => one.name)
      expect(names).toEqual(['c', 'b', 'a'])
    })

    it('lists by status, also what changes meanwhile', async () => {
      for (const one of ['a', 'b', 'c']) await start(one)
      const first = await executions.list({ status: 'RUNNING', limit: 1 })
      expect(first.executions).toMatchObject([{ name: 'c' }])
      await executions.stop(workflow, 'c')
      const rest = await executions.list({ status: 'RUNNING', cursor: first.cursor! })
      expect(rest.executions).toMatchObject([{ name: 'b' }, { name: 'a' }])
      const stopped = await executions.list({ status: 'ABORTED' })
      expect(stopped.executions).toMatchObject([{ name: 'c', status: 'ABORTED' }])
      expect(await executions.list({ status: 'FAILED' })).toEqual({ executions: [] })
    })

    it('refuses cursors that the same list did not give', async () => {
      for (const one of ['a', 'b']) await start(one)
      const { cursor } = await executions.list({ workflow, limit: 1 })
      for (const other of ['', 'x', `${cursor}x`, Buffer.from('[]').toString('base64url')]) {
        await rejection(executions.list({ workflow, cursor: other }), 'CursorInvalid')
      }
      await rejection(executions.list({ cursor: cursor! }), 'CursorInvalid')
      await rejection(
        executions.list({ workflow, status: 'RUNNING', cursor: cursor! }),
        'CursorInvalid',
      )
    })

    it('stops an execution, once', async () => {
      const { startDate } = await start('a', 1)
      await executions.stop(workflow, 'a', { error: 'Cancelled', cause: 'no longer needed' })
      const stopped = await executions.describe(workflow, 'a')
      expect(stopped).toMatchObject({
        status: 'ABORTED',
        startDate,
        error: 'Cancelled',
        cause: 'no longer needed',
        input: 1,
      })
      expect(stopped.output).toBeUndefined()
      expect(stopped.stopDate! >= startDate).toBe(true)
      await executions.stop(workflow, 'a', { error: 'Again' })
      expect(await executions.describe(workflow, 'a')).toEqual(stopped)
      await start('b')
      await executions.stop(workflow, 'b')
      expect(await executions.describe(workflow, 'b')).toMatchObject({ status: 'ABORTED' })
    })

    if (!lacks.includes('redrive')) {
      it('redrives a stopped execution, and none that runs', async () => {
        await start('a', 1)
        await rejection(executions.redrive(workflow, 'a'), 'ExecutionConflict')
        await executions.stop(workflow, 'a', { error: 'Cancelled' })
        await executions.redrive(workflow, 'a')
        const redriven = await executions.describe(workflow, 'a')
        expect(redriven).toMatchObject({ status: 'RUNNING', redriveCount: 1, input: 1 })
        expect(redriven).not.toHaveProperty('error')
        expect(redriven).not.toHaveProperty('stopDate')
        await rejection(executions.redrive(workflow, 'none'), 'ExecutionNotFound')
        await rejection(executions.redrive('none', 'a'), 'WorkflowNotFound')
      })
    }

    it('tells what is not there', async () => {
      await start('a')
      await rejection(executions.describe(workflow, 'none'), 'ExecutionNotFound')
      await rejection(executions.describe('contract-resting', 'a'), 'ExecutionNotFound')
      await rejection(executions.history(workflow, 'none'), 'ExecutionNotFound')
      await rejection(executions.stop(workflow, 'none'), 'ExecutionNotFound')
      for (const none of ['none', '', 'a:b', 'toString']) {
        await rejection(
          executions.start({ workflow: none, name: 'a', input: 1 }),
          'WorkflowNotFound',
        )
        await rejection(executions.describe(none, 'a'), 'WorkflowNotFound')
        await rejection(executions.list({ workflow: none }), 'WorkflowNotFound')
        await rejection(executions.history(none, 'a'), 'WorkflowNotFound')
        await rejection(executions.stop(none, 'a'), 'WorkflowNotFound')
      }
    })

    it('refuses what is out of range', async () => {
      await start('a')
      for (const limit of [0, 1001, 1.5, Number.NaN]) {
        await rejection(executions.list({ limit }), 'RequestInvalid')
        await rejection(executions.history(workflow, 'a', { limit }), 'RequestInvalid')
      }
      const status = 'ENDED' as ExecutionStatus
      await rejection(executions.list({ status }), 'RequestInvalid')
      for (const after of [-1, 0.5, Number.NaN, Infinity]) {
        await rejection(executions.history(workflow, 'a', { after }), 'RequestInvalid')
      }
      const reasons = [{ error: 'x'.repeat(257) }, { cause: 'x'.repeat(32_769) }]
      for (const reason of reasons) {
        await rejection(executions.stop(workflow, 'a', reason), 'RequestInvalid')
      }
      expect(await executions.describe(workflow, 'a')).toMatchObject({ status: 'RUNNING' })
    })
  })
}

/** Every execution of a list, read page by page. */
async function allPages(
  executions: Executions,
  options: { workflow?: string; limit: number },
): Promise<ExecutionSummary[]> {
  const found: ExecutionSummary[] = []
  let cursor: string | undefined
  do {
    const page = await executions.list({ ...options, ...(cursor === undefined ? {} : { cursor }) })
    expect(page.executions.length).toBeLessThanOrEqual(options.limit)
    found.push(...page.executions)
    // A cursor that does not move on would never end.
    expect(found.length).toBeLessThan(1000)
    cursor = page.cursor
  } while (cursor !== undefined)
  return found
}

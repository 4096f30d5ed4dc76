import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  Execution,
  ExecutionEvent,
  Executions,
  ExecutionStatus,
} from '../../platform/ports/executions.ts'
import {
  executionRequestsContract,
  type ExecutionsOptions,
  type OpenExecutions,
} from './execution-requests.ts'
import { rejection } from './expect-error.ts'

/** What every executions port promises that runs its workflows. */
export function executionsContract(
  name: string,
  open: () => Promise<OpenExecutions>,
  options: ExecutionsOptions = {},
): void {
  executionRequestsContract(name, open, options)

  describe(`executions: ${name}`, () => {
    let executions: Executions
    let opened: OpenExecutions
    beforeEach(async () => {
      opened = await open()
      executions = opened.executions
    })
    afterEach(() => opened.close())

    const workflow = 'contract-steps'
    const ended = async (one: string, input: unknown): Promise<Execution> => {
      await executions.start({ workflow, name: one, input })
      return untilEnded(executions, one)
    }
    const untilEnded = async (port: Executions, one: string): Promise<Execution> => {
      await expect.poll(async () => (await port.describe(workflow, one)).status).not.toBe('RUNNING')
      return port.describe(workflow, one)
    }
    const textOf = ({ details }: ExecutionEvent, member: string): unknown =>
      JSON.parse(details[member] as string)
    const types = (events: readonly ExecutionEvent[]) => events.map(({ type }) => type)

    it('tells how an execution succeeded', async () => {
      const execution = await ended('a', { n: 21 })
      expect(execution).toMatchObject({
        workflow,
        name: 'a',
        status: 'SUCCEEDED',
        redriveCount: 0,
        input: { n: 21 },
        output: { doubled: 42 },
      })
      expect(execution.error).toBeUndefined()
      expect(execution.stopDate).toBe(new Date(execution.stopDate!).toISOString())
      expect(execution.stopDate! >= execution.startDate).toBe(true)
    })

    it('tells how an execution failed', async () => {
      expect(await ended('a', { n: 51 })).toMatchObject({
        status: 'FAILED',
        error: 'TooMuch',
        cause: 'over a hundred',
      })
    })

    it('keeps the history of an execution', async () => {
      const { startDate } = await ended('a', { n: 21 })
      const events = await executions.history(workflow, 'a')
      expect(types(events)).toEqual([
        'ExecutionStarted',
        'PassStateEntered',
        'PassStateExited',
        'ChoiceStateEntered',
        'ChoiceStateExited',
        'SucceedStateEntered',
        'SucceedStateExited',
        'ExecutionSucceeded',
      ])
      expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      const names = events.slice(1, -1).map(({ details }) => details['name'])
      expect(names).toEqual(['Double', 'Double', 'Compare', 'Compare', 'Done', 'Done'])
      expect(textOf(events[0]!, 'input')).toEqual({ n: 21 })
      expect(textOf(events[2]!, 'output')).toEqual({ doubled: 42 })
      expect(textOf(events[7]!, 'output')).toEqual({ doubled: 42 })
      const times = events.map(({ timestamp }) => timestamp)
      expect(times).toEqual(times.toSorted())
      expect(times[0]! >= startDate).toBe(true)
    })

    it('answers a history by pages', async () => {
      await ended('a', { n: 21 })
      const whole = await executions.history(workflow, 'a')
      for (const limit of [1, 3, 8, 1000]) {
        const paged: ExecutionEvent[] = []
        for (;;) {
          const after = paged.at(-1)?.id ?? 0
          const page = await executions.history(workflow, 'a', { after, limit })
          expect(page.length).toBeLessThanOrEqual(limit)
          if (page.length === 0) break
          paged.push(...page)
        }
        expect(paged).toEqual(whole)
      }
      expect(await executions.history(workflow, 'a', { after: 5 })).toEqual(whole.slice(5))
      expect(await executions.history(workflow, 'a', { after: 100_000 })).toEqual([])
    })

    it('keeps what made an execution fail or stop at the end of its history', async () => {
      await ended('a', { n: 51 })
      const events = await executions.history(workflow, 'a')
      expect(types(events).slice(-2)).toEqual(['FailStateEntered', 'ExecutionFailed'])
      expect(events.at(-1)!.details).toEqual({ error: 'TooMuch', cause: 'over a hundred' })

      await executions.start({ workflow: 'contract-waiting', name: 'b', input: {} })
      await expect
        .poll(async () => types(await executions.history('contract-waiting', 'b')))
        .toEqual(['ExecutionStarted', 'WaitStateEntered'])
      await executions.stop('contract-waiting', 'b', { error: 'Cancelled', cause: 'why' })
      const stopped = await executions.history('contract-waiting', 'b', { after: 2 })
      expect(types(stopped).at(-1)).toBe('ExecutionAborted')
      expect(stopped.at(-1)!.details).toEqual({ error: 'Cancelled', cause: 'why' })
    })

    it('lists executions by how they ended', async () => {
      await ended('a', { n: 51 })
      await ended('b', { n: 1 })
      await executions.stop(workflow, 'b', { error: 'TooLate' })
      const byStatus = async (status: ExecutionStatus) => {
        const page = await executions.list({ workflow, status })
        return page.executions.map((one) => one.name)
      }
      expect(await byStatus('FAILED')).toEqual(['a'])
      expect(await byStatus('SUCCEEDED')).toEqual(['b'])
      expect(await byStatus('ABORTED')).toEqual([])
      const whole = await executions.list({ workflow })
      expect(whole.executions.map((one) => one.name)).toEqual(['b', 'a'])
    })

    if (!options.lacks?.includes('redrive')) {
      it('redrives a failed execution at the state that failed', async () => {
        await ended('a', { n: 51 })
        const before = await executions.history(workflow, 'a')
        await executions.redrive(workflow, 'a')
        expect(await untilEnded(executions, 'a')).toMatchObject({
          status: 'FAILED',
          redriveCount: 1,
          error: 'TooMuch',
        })
        const after = await executions.history(workflow, 'a')
        expect(after.slice(0, before.length)).toEqual(before)
        const redriven = types(after.slice(before.length))
        expect(redriven[0]).toBe('ExecutionRedriven')
        expect(redriven.at(-1)).toBe('ExecutionFailed')
        expect(redriven).not.toContain('PassStateEntered')
        await ended('b', { n: 1 })
        await rejection(executions.redrive(workflow, 'b'), 'ExecutionConflict')
      })
    }
  })
}

import { describe, expect, it } from 'vitest'
import type { DescribedExecution } from '../../cli/client.ts'
import { describeAnswer } from '../../cli/commands/predict.ts'
import { outcomeOf, tellEnd } from '../../cli/execution-end.ts'
import { readableCause } from '../../cli/readable-cause.ts'
import { tellError } from '../../cli/tell-error.ts'
import { table } from '../../cli/terminal.ts'
import { Screen } from './terminal.ts'

const execution = { workflow: 'training', name: 'x', startDate: '2026-01-01T00:00:00.000Z' }
const terminal = () => {
  const screen = Object.assign(new Screen(80, 24), { isTTY: false })
  return { screen, out: screen, err: screen, signal: new AbortController().signal }
}

describe('what a person reads', () => {
  it("is the message of a Lambda function's error; any other cause as it came", () => {
    expect(readableCause('{"errorType":"E","errorMessage":"no room","trace":[]}')).toBe('no room')
    for (const cause of ['plain', '{"a":1}', '[1]', 'null', '{"errorMessage":1}', '']) {
      expect(readableCause(cause)).toBe(cause)
    }
  })

  it('says why an execution failed', () => {
    const to = terminal()
    const cause = '{"errorType":"StorageFailed","errorMessage":"no room","trace":["at x"]}'
    const failed: DescribedExecution = {
      ...execution,
      status: 'FAILED',
      error: 'StorageFailed',
      cause,
    }
    expect(tellEnd(failed, to, false)).toBe(5)
    expect(to.screen.text).toBe('FAILED x: StorageFailed: no room\n')
    expect(outcomeOf(failed)).toBe('StorageFailed')
  })

  it('tells outcomes apart in a few words', () => {
    const ended = (output: object) => outcomeOf({ ...execution, status: 'SUCCEEDED', output })
    expect(ended({ outcome: 'rejected' })).toBe('rejected')
    expect(ended({ outcome: 'duplicate' })).toBe('duplicate')
    expect(ended({ outcome: 'registered', version: 2, promotion: { outcome: 'kept' } })).toBe(
      'version 2 kept',
    )
    expect(ended({})).toBe('')
    expect(outcomeOf({ ...execution, status: 'RUNNING' })).toBe('')
  })

  it('carries no control characters from data', () => {
    const label = '\u001b[2Jsetosa\r\n\u009bm'
    expect(table(['NAME'], [[label]])).toBe('NAME\n[2Jsetosa m')
    const answer = { id: '', model: 'a/b', version: 0, predictions: [label], classes: [label] }
    expect(describeAnswer({ ...answer, probabilities: [[1]] })).toEqual([
      '[2Jsetosa m ([2Jsetosa m: 1.0000)  by a/b version 0',
    ])
  })

  it('says a cause once', () => {
    const to = terminal()
    tellError(to, new Error('no disk (EIO)', { cause: new Error('EIO') }))
    tellError(to, new Error('no disk', { cause: new Error('EIO') }))
    expect(to.screen.text).toBe(
      'millrace: Error: no disk (EIO)\nmillrace: Error: no disk\n  cause: EIO\n',
    )
  })
})

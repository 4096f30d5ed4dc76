import { describe, expect, it } from 'vitest'
import { details, failing, hang, invoke, linkage, machine, run, workflow } from './support.ts'

const functions = { fails: failing('Broken'), hang, echo: (input: unknown) => input }
const pass = (fields: Record<string, unknown> = {}) => ({ Type: 'Pass', ...fields, End: true })

describe('Parallel', () => {
  it('has the outputs of its branches in their order, whichever ends first', async () => {
    const ran = await run(
      machine({
        P: {
          Type: 'Parallel',
          Arguments: '{% $states.input.x %}',
          Branches: [
            workflow({ A: { Type: 'Wait', Seconds: 9, End: true } }),
            workflow({ B: pass({ Output: '{% $states.input + 1 %}' }) }),
          ],
          Output: '{% $reverse($states.result) %}',
          Assign: { total: '{% $sum($states.result) %}' },
          Next: 'E',
        },
        E: pass({ Output: '{% [$states.input, $total] %}' }),
      }),
      { input: { x: 1 } },
    )
    expect(ran.result).toEqual([2, 1, 3])
  })

  it('has its events', async () => {
    const ran = await run(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [workflow({ A: pass() }), workflow({ B: pass() })],
          End: true,
        },
      }),
    )
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 ParallelStateEntered',
      '3<2 ParallelStateStarted',
      '4<3 PassStateEntered',
      '5<4 PassStateExited',
      '6<3 PassStateEntered',
      '7<6 PassStateExited',
      '8<7 ParallelStateSucceeded',
      '9<7 ParallelStateExited',
      '10<9 ExecutionSucceeded',
    ])
  })

  it('ends its other branches when one fails, and aborts what they do', async () => {
    let aborted = false
    const ran = await run(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({ H: invoke('hang', { End: true }) }),
            workflow({
              W: { Type: 'Wait', Seconds: 5, Next: 'F' },
              F: { Type: 'Fail', Error: 'E' },
            }),
            workflow({ L: { Type: 'Wait', Seconds: 99, End: true } }),
          ],
          End: true,
        },
      }),
      {
        functions: {
          hang: (input, context) => {
            context.signal.addEventListener('abort', () => {
              aborted = true
            })
            return hang(input, context)
          },
        },
      },
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'E' })
    expect(ran.types.slice(-5)).toEqual([
      'FailStateEntered',
      'TaskStateAborted',
      'WaitStateAborted',
      'ParallelStateFailed',
      'ExecutionFailed',
    ])
    expect(aborted).toBe(true)
  })

  it('is retried whole, then caught', async () => {
    let calls = 0
    const ran = await run(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [
            workflow({ T: invoke('fails', { End: true }) }),
            workflow({ W: { Type: 'Wait', Seconds: 99, End: true } }),
          ],
          Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 2, IntervalSeconds: 10 }],
          Catch: [{ ErrorEquals: ['Broken'], Next: 'C' }],
          Next: 'C',
        },
        C: { Type: 'Succeed', Output: '{% $states.input.Error %}' },
      }),
      {
        functions: {
          fails: (...args) => {
            calls++
            return failing('Broken')(...args)
          },
        },
      },
    )
    expect(ran.result).toBe('Broken')
    expect(calls).toBe(3)
    const count = (type: string) => ran.types.filter((found) => found === type).length
    expect(count('ParallelStateStarted')).toBe(3)
    expect(count('WaitStateAborted')).toBe(3)
    expect(count('ParallelStateFailed')).toBe(1)
    expect(ran.stopDate!.getTime() - ran.startDate.getTime()).toBe(30_000)
  })
})

describe('Map', () => {
  it('runs its processor for each item and keeps their order', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          Items: '{% $states.input.list %}',
          ItemSelector: {
            item: '{% $states.context.Map.Item.Value %}',
            index: '{% $states.context.Map.Item.Index %}',
            all: '{% $count($states.input.list) %}',
          },
          ItemProcessor: workflow({
            W: { Type: 'Wait', Seconds: '{% 10 - $states.input.item %}', Next: 'P' },
            P: pass({
              Output:
                '{% [$states.input.item, $states.input.index, $states.input.all, $states.context.Map.Item.Index] %}',
            }),
          }),
          End: true,
        },
      }),
      { input: { list: [3, 1, 2] } },
    )
    expect(ran.result).toEqual([
      [3, 0, 3, 0],
      [1, 1, 3, 1],
      [2, 2, 3, 2],
    ])
  })

  it('has its events', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          MaxConcurrency: 1,
          ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, ...workflow({ A: pass() }) },
          End: true,
        },
      }),
      { input: [7, 8] },
    )
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 MapStateEntered',
      '3<2 MapStateStarted',
      '4<3 MapIterationStarted',
      '5<4 PassStateEntered',
      '6<5 PassStateExited',
      '7<6 MapIterationSucceeded',
      '8<6 MapIterationStarted',
      '9<8 PassStateEntered',
      '10<9 PassStateExited',
      '11<10 MapIterationSucceeded',
      '12<11 MapStateSucceeded',
      '13<11 MapStateExited',
      '14<13 ExecutionSucceeded',
    ])
    expect(details(ran.events[2])).toEqual({ length: 2 })
    expect(details(ran.events[7])).toEqual({ name: 'M', index: 1 })
  })

  it('answers an empty array for one', async () => {
    const ran = await run(
      machine({ M: { Type: 'Map', Items: [], ItemProcessor: workflow({ A: pass() }), End: true } }),
    )
    expect(ran.result).toEqual([])
    expect(ran.types.slice(1, -1)).toEqual([
      'MapStateEntered',
      'MapStateStarted',
      'MapStateSucceeded',
      'MapStateExited',
    ])
  })

  it.each([
    [1, 1],
    ['{% 3 %}', 3],
    [0, 40],
    [1000, 40],
  ])('runs at most MaxConcurrency %j iterations at once', async (MaxConcurrency, most) => {
    let running = 0
    let highest = 0
    const reached = Promise.withResolvers<undefined>()
    await run(
      machine({
        M: {
          Type: 'Map',
          Items: '{% [1..60] %}',
          MaxConcurrency,
          ItemProcessor: workflow({ T: invoke('work', { End: true }) }),
          End: true,
        },
      }),
      {
        functions: {
          work: async () => {
            highest = Math.max(highest, ++running)
            if (running === most) reached.resolve(undefined)
            await reached.promise
            // Turns of the event loop in which more than that would be started.
            for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
            running--
          },
        },
      },
    )
    expect(highest).toBe(most)
  })

  it('ends its other iterations when one fails', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          Items: [1, 2, 3],
          MaxConcurrency: 2,
          ItemProcessor: workflow({
            C: {
              Type: 'Choice',
              Choices: [{ Condition: '{% $states.input = 2 %}', Next: 'F' }],
              Default: 'H',
            },
            F: invoke('fails', { End: true }),
            H: invoke('hang', { End: true }),
          }),
          Catch: [{ ErrorEquals: ['Broken'], Next: 'Caught' }],
          Next: 'Caught',
        },
        Caught: { Type: 'Succeed', Output: '{% $states.input.Error %}' },
      }),
      { functions },
    )
    expect(ran.result).toBe('Broken')
    const from = ran.types.indexOf('TaskFailed')
    const failed = ran.events[from]!.id
    expect(linkage(ran.events).slice(from, from + 6)).toEqual([
      `${failed}<${failed - 1} TaskFailed`,
      `${failed + 1}<${failed} MapIterationFailed`,
      `${failed + 2}<${failed} TaskStateAborted`,
      `${failed + 3}<${failed} MapIterationAborted`,
      `${failed + 4}<${failed} MapStateFailed`,
      `${failed + 5}<${failed + 4} MapStateExited`,
    ])
    expect(details(ran.events[from + 1])).toEqual({ name: 'M', index: 1 })
    expect(details(ran.events[from + 3])).toEqual({ name: 'M', index: 0 })
  })

  it('is retried whole', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          Items: [1],
          ItemProcessor: workflow({ F: { Type: 'Fail', Error: 'E', Cause: 'c' } }),
          Retry: [{ ErrorEquals: ['E'], MaxAttempts: 2 }],
          End: true,
        },
      }),
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'E', cause: 'c' })
    const attempt = [
      'MapStateStarted',
      'MapIterationStarted',
      'FailStateEntered',
      'MapIterationFailed',
    ]
    expect(ran.types.slice(2, -2)).toEqual([...attempt, ...attempt, ...attempt])
    expect(ran.types.slice(-2)).toEqual(['MapStateFailed', 'ExecutionFailed'])
  })

  it('is caught with the error of the iteration that failed', async () => {
    const ran = await run(
      machine({
        M: {
          Type: 'Map',
          Items: ['good', 'bad'],
          ItemProcessor: workflow({
            Which: {
              Type: 'Choice',
              Choices: [{ Condition: "{% $states.input = 'bad' %}", Next: 'T' }],
              Default: 'W',
            },
            W: { Type: 'Wait', Seconds: 99, End: true },
            T: invoke('fails', { End: true }),
          }),
          Catch: [
            { ErrorEquals: ['Other'], Next: 'E' },
            {
              ErrorEquals: ['States.TaskFailed'],
              Output: '{% [$states.errorOutput.Error, $states.input] %}',
              Next: 'C',
            },
          ],
          Next: 'E',
        },
        C: { Type: 'Succeed' },
        E: { Type: 'Fail' },
      }),
      { input: 7, functions: { fails: failing('Broken') } },
    )
    expect(ran.result).toEqual(['Broken', 7])
    expect(ran.stopDate).toEqual(ran.startDate)
    expect(ran.types.slice(ran.types.indexOf('TaskFailed'))).toEqual([
      'TaskFailed',
      'MapIterationFailed',
      'WaitStateAborted',
      'MapIterationAborted',
      'MapStateFailed',
      'MapStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ])
  })

  it('fails for Items and an ItemSelector that cannot be had', async () => {
    const processor = { ItemProcessor: workflow({ A: pass() }), End: true }
    const items = await run(machine({ M: { Type: 'Map', Items: '{% "x" %}', ...processor } }))
    expect(items.cause).toContain("Expected 'array', but was 'string' for value: \"x\"")
    expect(items.types.slice(-3)).toEqual(['EvaluationFailed', 'MapStateFailed', 'ExecutionFailed'])
    const input = await run(machine({ M: { Type: 'Map', ...processor } }), { input: {} })
    expect(input.cause).toContain('Map state input must be an array but was: {}')
    const selector = await run(
      machine({ M: { Type: 'Map', Items: [1, 2], ItemSelector: '{% $x %}', ...processor } }),
    )
    expect(selector).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' })
  })

  it('nests', async () => {
    const inner = {
      Type: 'Map',
      ItemProcessor: workflow({ A: pass({ Output: '{% $states.input * $factor %}' }) }),
      End: true,
    }
    const ran = await run(
      machine({
        S: { Type: 'Pass', Assign: { factor: 10 }, Next: 'M' },
        M: { Type: 'Map', ItemProcessor: workflow({ I: inner }), End: true },
      }),
      { input: [[1, 2], [], [3]] },
    )
    expect(ran.result).toEqual([[10, 20], [], [30]])
  })
})

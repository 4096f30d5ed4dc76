import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../ml/data/random.ts'
import type { HistoryEvent } from '../../engine/index.ts'
import { details, failing, type Fields, hang, invoke, linkage, machine, run } from './support.ts'

const functions = { fails: failing('Broken'), hang }

/** Seconds from each event of a type to the next of it. */
function gaps(events: readonly HistoryEvent[], type: string): number[] {
  const times = events.filter((event) => event.type === type).map((e) => e.timestamp.getTime())
  return times.slice(1).map((time, i) => (time - times[i]!) / 1000)
}

function retried(...retry: Fields[]): string {
  return machine({ T: invoke('fails', { Retry: retry, End: true }) })
}

describe('Retry', () => {
  it('waits longer each time, up to a maximum', async () => {
    const definition = retried({
      ErrorEquals: ['Broken'],
      IntervalSeconds: 3,
      BackoffRate: 2.5,
      MaxAttempts: 4,
      MaxDelaySeconds: 30,
    })
    const ran = await run(definition, { functions })
    expect(gaps(ran.events, 'TaskScheduled')).toEqual([3, 7.5, 18.75, 30])
    expect(ran).toMatchObject({ status: 'FAILED', error: 'Broken' })
    expect(JSON.parse(ran.cause!)).toEqual({
      errorType: 'Broken',
      errorMessage: 'because',
      trace: [],
    })
  })

  it('defaults to three attempts after 1, 2 and 4 seconds', async () => {
    const ran = await run(retried({ ErrorEquals: ['States.ALL'] }), { functions })
    expect(gaps(ran.events, 'TaskScheduled')).toEqual([1, 2, 4])
  })

  it('draws each delay between nothing and its length with full jitter', async () => {
    const definition = retried({
      ErrorEquals: ['States.ALL'],
      IntervalSeconds: 100,
      BackoffRate: 1,
      MaxAttempts: 50,
      JitterStrategy: 'FULL',
    })
    const ran = await run(definition, { functions, random: seededRandom(1) })
    const delays = gaps(ran.events, 'TaskScheduled')
    expect(delays).toHaveLength(50)
    expect(delays.every((delay) => delay >= 0 && delay <= 100)).toBe(true)
    expect(Math.min(...delays)).toBeLessThan(20)
    expect(Math.max(...delays)).toBeGreaterThan(80)
    expect(new Set(delays).size).toBeGreaterThan(45)
  })

  it('counts the attempts of each retrier by itself', async () => {
    let calls = 0
    const ran = await run(
      machine({
        T: invoke('either', {
          Retry: [
            { ErrorEquals: ['A'], MaxAttempts: 2, BackoffRate: 1 },
            { ErrorEquals: ['B'], MaxAttempts: 2, IntervalSeconds: 10, BackoffRate: 1 },
          ],
          End: true,
        }),
      }),
      { functions: { either: (...args) => failing(calls++ % 2 === 0 ? 'A' : 'B')(...args) } },
    )
    expect(gaps(ran.events, 'TaskScheduled')).toEqual([1, 10, 1, 10])
    expect(ran.error).toBe('A')
  })

  it('does not retry with MaxAttempts 0, nor go on to a later retrier', async () => {
    const definition = retried(
      { ErrorEquals: ['Broken'], MaxAttempts: 0 },
      { ErrorEquals: ['States.ALL'] },
    )
    const ran = await run(definition, { functions })
    expect(gaps(ran.events, 'TaskScheduled')).toEqual([])
  })

  it('counts RetryCount and attempts, and starts anew in the next state', async () => {
    const seen: unknown[] = []
    const flaky = { Retry: [{ ErrorEquals: ['States.ALL'] }] }
    const task = {
      Type: 'Task',
      Resource: 'arn:aws:x:::y',
      Arguments: '{% $states.context.State.RetryCount %}',
      ...flaky,
    }
    await run(machine({ A: { ...task, Next: 'B' }, B: { ...task, End: true } }), {
      tasks:
        () =>
        (input, { attempt, state }) => {
          seen.push([state, input, attempt])
          if (attempt < 3) throw new Error('again')
        },
    })
    expect(seen).toEqual([
      ['A', 0, 1],
      ['A', 1, 2],
      ['A', 2, 3],
      ['B', 0, 1],
      ['B', 1, 2],
      ['B', 2, 3],
    ])
  })
})

describe('Retry of a state that is entered again', () => {
  it('has all its attempts each time', async () => {
    let calls = 0
    const ran = await run(
      machine({
        Start: { Type: 'Pass', Assign: { round: 1 }, Next: 'T' },
        T: invoke('fails', {
          Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 2 }],
          Catch: [
            { ErrorEquals: ['Broken'], Assign: { round: '{% $round + 1 %}' }, Next: 'Again' },
          ],
          Next: 'Done',
        }),
        Again: {
          Type: 'Choice',
          Choices: [{ Condition: '{% $round <= 3 %}', Next: 'T' }],
          Default: 'Done',
        },
        Done: { Type: 'Succeed' },
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
    expect(ran.status).toBe('SUCCEEDED')
    expect(calls).toBe(9)
    // Each time 1 and 2 seconds between the attempts: the backoff begins anew too.
    expect(ran.stopDate!.getTime() - ran.startDate.getTime()).toBe(9000)
  })
})

describe('Catch', () => {
  it('goes on with the error, an output and variables', async () => {
    const ran = await run(
      machine({
        T: invoke('fails', {
          Catch: [
            { ErrorEquals: ['Other'], Next: 'E' },
            {
              ErrorEquals: ['Broken'],
              Assign: { failed: '{% $states.errorOutput.Error %}' },
              Output: '{% $states.input %}',
              Next: 'C',
            },
          ],
          Next: 'E',
        }),
        C: { Type: 'Pass', Output: '{% [$failed, $states.input] %}', End: true },
        E: { Type: 'Succeed' },
      }),
      { input: 5, functions },
    )
    expect(ran.result).toEqual(['Broken', 5])
    expect(linkage(ran.events).slice(4, 7)).toEqual([
      '5<4 TaskFailed',
      '6<5 TaskStateExited',
      '7<6 PassStateEntered',
    ])
    expect(details(ran.events[5])).toMatchObject({
      name: 'T',
      output: '5',
      assignedVariables: { failed: '"Broken"' },
    })
  })

  it('gives Error and Cause on without an Output', async () => {
    const ran = await run(
      machine({
        T: {
          Type: 'Task',
          Resource: 'arn:aws:x:::y',
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'C' }],
          Next: 'C',
        },
        C: { Type: 'Succeed' },
      }),
      { tasks: () => failing('Broken', 'because') },
    )
    expect(ran.result).toEqual({ Error: 'Broken', Cause: 'because' })
  })

  it('comes after the retries', async () => {
    const ran = await run(
      machine({
        T: invoke('fails', {
          Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 1 }],
          Catch: [{ ErrorEquals: ['Broken'], Next: 'C' }],
          Next: 'C',
        }),
        C: { Type: 'Succeed' },
      }),
      { functions },
    )
    expect(ran.status).toBe('SUCCEEDED')
    expect(ran.types.filter((type) => type === 'TaskFailed')).toHaveLength(2)
  })

  it('does not catch an error of its own evaluation', async () => {
    const ran = await run(
      machine({
        T: invoke('fails', {
          Catch: [{ ErrorEquals: ['States.ALL'], Output: '{% $nothing %}', Next: 'C' }],
          Next: 'C',
        }),
        C: { Type: 'Succeed' },
      }),
      { functions },
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' })
    expect(ran.types.slice(-3)).toEqual(['TaskFailed', 'EvaluationFailed', 'ExecutionFailed'])
  })
})

describe('error names', () => {
  /** Which of the ErrorEquals catches what fails. */
  async function caughtBy(names: string[], task: Fields, result?: unknown): Promise<string> {
    const states = Object.fromEntries(
      names.map((name) => [`by ${name}`, { Type: 'Succeed', Output: name }]),
    )
    const ran = await run(
      machine({
        T: {
          Type: 'Task',
          Resource: 'arn:aws:x:::y',
          Catch: names.map((name) => ({ ErrorEquals: [name], Next: `by ${name}` })),
          End: true,
          ...task,
        },
        ...states,
      }),
      {
        tasks: () => () => {
          if (result !== undefined) return result
          return new Promise(() => undefined)
        },
      },
    )
    return ran.status === 'SUCCEEDED' ? String(ran.result) : ran.error!
  }

  const tooLarge = 'x'.repeat(262_145)

  it.each<[string[], Fields, unknown, string]>([
    [['States.TaskFailed', 'States.Timeout'], { TimeoutSeconds: 5 }, undefined, 'States.Timeout'],
    [['States.HeartbeatTimeout', 'States.ALL'], { TimeoutSeconds: 5 }, undefined, 'States.ALL'],
    [
      ['States.HeartbeatTimeout'],
      { TimeoutSeconds: 9, HeartbeatSeconds: 5 },
      undefined,
      'States.HeartbeatTimeout',
    ],
    [['States.Timeout'], { TimeoutSeconds: 9, HeartbeatSeconds: 5 }, undefined, 'States.Timeout'],
    [['States.TaskFailed', 'States.DataLimitExceeded'], {}, tooLarge, 'States.DataLimitExceeded'],
    [['States.QueryEvaluationError'], { Output: '{% $x %}' }, 1, 'States.QueryEvaluationError'],
    [['States.ALL'], { Arguments: '{% $x %}' }, 1, 'States.ALL'],
  ])('%j', async (names, task, result, by) => {
    expect(await caughtBy(names, task, result)).toBe(by)
  })

  it('States.ALL catches neither States.DataLimitExceeded nor States.Runtime', async () => {
    expect(await caughtBy(['States.ALL'], {}, tooLarge)).toBe('States.DataLimitExceeded')
    const ran = await run(
      machine({
        T: {
          Type: 'Task',
          Resource: 'arn:aws:x:::y',
          Retry: [{ ErrorEquals: ['States.ALL'] }],
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'C' }],
          Next: 'C',
        },
        C: { Type: 'Succeed' },
      }),
      { tasks: () => undefined },
    )
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.Runtime' })
    expect(ran.types.filter((type) => type === 'TaskScheduled')).toHaveLength(1)
  })
})

describe('an evaluation that fails', () => {
  it('has its own event, which names the state and the field', async () => {
    const ran = await run(machine({ A: { Type: 'Pass', Output: { b: ['{% $x %}'] }, End: true } }))
    const cause =
      "An error occurred while executing the state 'A' (entered at the event id #2). " +
      "The JSONata expression '$x' specified for the field 'Output/b[0]' returned nothing (undefined)."
    expect(ran).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError', cause })
    expect(linkage(ran.events)).toEqual([
      '1<0 ExecutionStarted',
      '2<0 PassStateEntered',
      '3<0 EvaluationFailed',
      '4<3 ExecutionFailed',
    ])
    expect(details(ran.events[2])).toEqual({
      error: 'States.QueryEvaluationError',
      cause,
      state: 'A',
      location: 'Output/b[0]',
    })
  })

  it('is retried and caught in a Task', async () => {
    const ran = await run(
      machine({
        T: invoke('answers', {
          Output: '{% $undefined %}',
          Retry: [{ ErrorEquals: ['States.QueryEvaluationError'], MaxAttempts: 1 }],
          Catch: [{ ErrorEquals: ['States.QueryEvaluationError'], Next: 'C' }],
          Next: 'C',
        }),
        C: { Type: 'Succeed' },
      }),
      { functions: { answers: () => 1 } },
    )
    expect(ran.status).toBe('SUCCEEDED')
    expect(ran.types.filter((type) => type === 'TaskSucceeded')).toHaveLength(2)
    expect(ran.types.filter((type) => type === 'EvaluationFailed')).toHaveLength(2)
  })
})

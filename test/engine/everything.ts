import type { LambdaFunction } from '../../engine/index.ts'
import { type Fields, invoke, machine, workflow } from './support.ts'

/** A state machine with every state type, retries, a catch, and work at once at three levels. */
export const everything = machine({
  Begin: { Type: 'Pass', Assign: { seed: '{% $random() %}', list: [1, 2, 3] }, Next: 'Pause' },
  Pause: { Type: 'Wait', Seconds: 30, Next: 'Each' },
  Each: {
    Type: 'Map',
    Items: '{% $list %}',
    ItemSelector: { item: '{% $states.context.Map.Item.Value %}', seed: '{% $seed %}' },
    MaxConcurrency: 2,
    ItemProcessor: workflow({
      Double: task('double', '{% $states.input.item %}', {
        Retry: [{ ErrorEquals: ['Flaky'], JitterStrategy: 'FULL', IntervalSeconds: 20 }],
        Assign: { doubled: '{% $states.result.Payload %}' },
        Next: 'Rest',
      }),
      Rest: { Type: 'Wait', Seconds: '{% $doubled %}', End: true },
    }),
    Output: '{% $sum($states.result) %}',
    Next: 'Both',
  },
  Both: {
    Type: 'Parallel',
    Branches: [
      workflow({ Left: task('left', '{% $states.input %}', { End: true }) }),
      workflow({
        Right: {
          Type: 'Map',
          Items: ['a', 'b'],
          ItemProcessor: workflow({ Name: task('name', '{% $states.input %}', { End: true }) }),
          End: true,
        },
      }),
    ],
    Assign: { both: '{% $states.result %}' },
    Next: 'Risk',
  },
  Risk: task('broken', null, {
    Catch: [{ ErrorEquals: ['Broken'], Output: '{% $states.errorOutput.Error %}', Next: 'Decide' }],
    Next: 'Never',
  }),
  Decide: {
    Type: 'Choice',
    Choices: [{ Condition: "{% $states.input = 'Broken' and $seed < 1 %}", Next: 'Troubled' }],
    Default: 'Never',
  },
  Troubled: {
    Type: 'Parallel',
    Branches: [
      workflow({ Fails: { Type: 'Fail', Error: 'Branch' } }),
      workflow({ Waits: { Type: 'Wait', Seconds: 1000, End: true } }),
    ],
    Retry: [{ ErrorEquals: ['Branch'], MaxAttempts: 1, IntervalSeconds: 5 }],
    Catch: [{ ErrorEquals: ['Branch'], Output: '{% $both %}', Next: 'Done' }],
    Next: 'Never',
  },
  Never: { Type: 'Fail', Error: 'Never' },
  Done: { Type: 'Succeed', Output: { both: '{% $states.input %}', list: '{% $list %}' } },
})

export const everythingOutput = { both: [13, ['name a', 'name b']], list: [1, 2, 3] }

/** Its functions; `onRun` hears of each call, `onEnd` of each that ended well. */
export function everythingFunctions(
  onRun: (label: string) => void,
): Record<string, LambdaFunction> {
  const said =
    (name: string, run: (input: never, attempt: number) => unknown): LambdaFunction =>
    async (input, { attempt }) => {
      onRun(`${name} ${JSON.stringify(input)} ${attempt}`)
      await Promise.resolve()
      return run(input as never, attempt)
    }
  return {
    double: said('double', (input: number, attempt) => {
      if (input === 2 && attempt < 3) throw named('Flaky')
      return input * 2
    }),
    left: said('left', (input: number) => input + 1),
    name: said('name', (input: string) => `name ${input}`),
    broken: said('broken', () => {
      throw named('Broken')
    }),
  }
}

function task(functionName: string, payload: unknown, rest: Fields): Fields {
  return invoke(functionName, {
    Arguments: { FunctionName: functionName, Payload: payload },
    TimeoutSeconds: 60,
    ...rest,
  })
}

function named(name: string): Error {
  const error = new Error('on purpose')
  error.name = name
  return error
}

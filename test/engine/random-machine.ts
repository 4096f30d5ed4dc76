import type { LambdaFunction } from '../../engine/index.ts'
import { seededRandom } from '../../ml/data/random.ts'
import type { Fields } from './support.ts'

export type Language = 'JSONata' | 'JSONPath'

/** The input of every random state machine; each of its states takes and gives an object like it. */
export const randomInput = { v: 1, items: [2, 3, 5] }

/**
 * A state machine with states of all types, one inside of another, that tasks fail in, retry and catch.
 * What it answers depends on nothing but the seed: whatever fails, fails with the error `E`, so that it
 * does not matter which of two branches is the first.
 */
export function randomMachine(seed: number, language: Language): string {
  const writer = new Writer(seed, language)
  return JSON.stringify({ QueryLanguage: language, ...writer.workflow(2) })
}

/**
 * The function of its tasks, `f`: its answer depends on the task, its input and the attempt alone.
 * `onToken` gets the tokens of tasks that wait for one, and what they are to be answered.
 */
export function randomFunction(
  onToken: (taskToken: string, output: string) => void,
): LambdaFunction {
  return async (input, { attempt }) => {
    const { v, failures, token, delay } = input as {
      v: number
      failures: number
      delay: number
      token?: string
    }
    for (let turn = 0; turn < delay; turn++) await Promise.resolve()
    if (attempt <= failures) throw Object.assign(new Error('on purpose'), { name: 'E' })
    const answer = { v: (v * 7 + 3) % 1000 }
    if (token !== undefined) onToken(token, JSON.stringify({ Payload: answer }))
    return answer
  }
}

type Kind = 'Pass' | 'Task' | 'Choice' | 'Wait' | 'Parallel' | 'Map' | 'Loop'

const kinds: readonly Kind[] = ['Pass', 'Task', 'Task', 'Choice', 'Wait', 'Parallel', 'Map', 'Loop']
const simple: readonly Kind[] = ['Pass', 'Task', 'Task', 'Choice', 'Wait']

class Writer {
  readonly #random: () => number
  readonly #isJsonata: boolean
  #states = 0

  constructor(seed: number, language: Language) {
    this.#random = seededRandom(seed)
    this.#isJsonata = language === 'JSONata'
  }

  workflow(depth: number): Fields {
    const states: Record<string, Fields> = {}
    const names = Array.from({ length: 1 + this.#below(4) }, () => this.#name())
    const end = this.#name()
    for (const [i, name] of names.entries()) {
      const next = names[i + 1] ?? end
      // A Choice may go anywhere ahead.
      const ahead = [...names.slice(i + 1), end]
      const other = ahead[this.#below(ahead.length)]!
      Object.assign(states, this.#state(name, next, other, depth))
    }
    states[end] = this.#chance(0.1) ? { Type: 'Fail', Error: 'E' } : { Type: 'Succeed' }
    return { StartAt: names[0], States: states }
  }

  #state(name: string, next: string, other: string, depth: number): Record<string, Fields> {
    const kind = this.#one(depth > 0 ? kinds : simple)
    switch (kind) {
      case 'Pass':
        return { [name]: { Type: 'Pass', ...this.#add(this.#below(100)), Next: next } }
      case 'Task':
        return { [name]: { ...this.#task(), ...this.#handling(other), Next: next } }
      case 'Choice':
        return { [name]: this.#choice(this.#below(1000), other, next) }
      case 'Wait':
        return { [name]: { Type: 'Wait', Seconds: this.#below(4) * 10, Next: next } }
      case 'Loop':
        return this.#loop(name, next)
      case 'Parallel': {
        const Branches = Array.from({ length: 2 + this.#below(2) }, () => this.workflow(depth - 1))
        return {
          [name]: {
            Type: 'Parallel',
            Branches,
            ...this.#sum(),
            ...this.#handling(other),
            Next: next,
          },
        }
      }
      case 'Map':
        return {
          [name]: {
            Type: 'Map',
            MaxConcurrency: this.#below(4),
            ...this.#items(),
            ItemProcessor: this.workflow(depth - 1),
            ...this.#sum(),
            ...this.#handling(other),
            Next: next,
          },
        }
    }
  }

  #task(): Fields {
    const failures = this.#chance(0.4) ? this.#below(4) : 0
    const isAsked = this.#chance(0.25)
    const payload = { failures, delay: this.#below(5) }
    const invoke = {
      Type: 'Task',
      Resource: `arn:aws:states:::lambda:invoke${isAsked ? '.waitForTaskToken' : ''}`,
    }
    if (this.#isJsonata) {
      const token = isAsked ? { token: '{% $states.context.Task.Token %}' } : {}
      return {
        ...invoke,
        Arguments: {
          FunctionName: 'f',
          Payload: { v: '{% $states.input.v %}', ...payload, ...token },
        },
        Output: '{% $merge([$states.input, {"v": $states.result.Payload.v}]) %}',
      }
    }
    const token = isAsked ? { 'token.$': '$$.Task.Token' } : {}
    return {
      ...invoke,
      Parameters: { FunctionName: 'f', Payload: { 'v.$': '$.v', ...payload, ...token } },
      ResultSelector: { 'v.$': '$.Payload.v', items: randomInput.items },
    }
  }

  #choice(limit: number, other: string, next: string): Fields {
    const rule = this.#isJsonata
      ? { Condition: `{% $states.input.v < ${limit} %}` }
      : { Variable: '$.v', NumericLessThan: limit }
    return { Type: 'Choice', Choices: [{ ...rule, Next: other }], Default: next }
  }

  /** `name` counts a variable up, until it is enough. */
  #loop(name: string, next: string): Record<string, Fields> {
    const [count, check] = [this.#name(), this.#name()]
    const rounds = 1 + this.#below(4)
    const counter = `n_${name}`
    const increment = this.#isJsonata
      ? { [counter]: `{% $${counter} + 1 %}` }
      : { [`${counter}.$`]: `States.MathAdd($${counter}, 1)` }
    const rule = this.#isJsonata
      ? { Condition: `{% $${counter} < ${rounds} %}` }
      : { Variable: `$${counter}`, NumericLessThan: rounds }
    return {
      [name]: { Type: 'Pass', Assign: { [counter]: 0 }, Next: count },
      [count]: { Type: 'Pass', ...this.#add(1), Assign: increment, Next: check },
      [check]: { Type: 'Choice', Choices: [{ ...rule, Next: count }], Default: next },
    }
  }

  #add(amount: number): Fields {
    return this.#isJsonata
      ? { Output: `{% $merge([$states.input, {"v": $states.input.v + ${amount}}]) %}` }
      : { Parameters: { 'v.$': `States.MathAdd($.v, ${amount})`, 'items.$': '$.items' } }
  }

  /** Of the outputs of branches or iterations. */
  #sum(): Fields {
    return this.#isJsonata
      ? { Output: '{% {"v": $sum($states.result.v), "items": $states.result[0].items} %}' }
      : {
          ResultSelector: {
            'v.$': 'States.MathAdd($[0].v, $[1].v)',
            'items.$': '$[0].items',
          },
        }
  }

  #items(): Fields {
    return this.#isJsonata
      ? {
          Items: '{% $states.input.items %}',
          ItemSelector: {
            v: '{% $states.context.Map.Item.Value + $states.input.v %}',
            items: '{% $states.input.items %}',
          },
        }
      : {
          ItemsPath: '$.items',
          ItemSelector: { 'v.$': '$$.Map.Item.Value', 'items.$': '$.items' },
        }
  }

  #handling(other: string): Fields {
    const errors = this.#chance(0.5) ? ['E'] : ['States.ALL']
    const retry = {
      ErrorEquals: errors,
      IntervalSeconds: 1 + this.#below(20),
      MaxAttempts: this.#below(4),
      ...(this.#chance(0.5) ? { JitterStrategy: 'FULL' } : {}),
    }
    const caught = this.#isJsonata
      ? { Output: '{% $merge([$states.input, {"v": $length($states.errorOutput.Error)}]) %}' }
      : { ResultPath: '$.caught' }
    return {
      ...(this.#chance(0.5) ? { Retry: [retry] } : {}),
      ...(this.#chance(0.7) ? { Catch: [{ ErrorEquals: errors, ...caught, Next: other }] } : {}),
    }
  }

  #name(): string {
    return `S${++this.#states}`
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound)
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#below(values.length)]!
  }
}

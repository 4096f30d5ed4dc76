import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import {
  type Engine,
  isEngineError,
  type LambdaFunction,
  openEngine,
  virtualClock,
} from '../../engine/index.ts'
import { seededRandom } from '../../ml/data/random.ts'
import { everything, everythingFunctions, everythingOutput } from './everything.ts'
import { functionsOf, invoke, machine, workflow } from './support.ts'

/** A state machine that is killed at each of its transitions. */
export interface Scenario {
  readonly definition: string
  readonly output: unknown
  /** How many times its functions are called, when nothing disturbs it. */
  readonly calls: number
  /** How many of them can be under way at once, and run again after a kill. */
  readonly concurrent: number
  /** The events that say a task has ended, in the history of the execution itself. */
  readonly ended: number
  /** Milliseconds that its Wait states take, those that end. */
  readonly waits: readonly number[]
  /** Its functions; `onRun` hears of each call, `onToken` of each token. */
  functions(
    onRun: (label: string) => void,
    onToken: (token: string) => void,
  ): Record<string, LambdaFunction>
}

/** What another state machine does, or someone who has a token, or child executions. */
const waiting = machine({
  Ask: {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
    Arguments: {
      FunctionName: 'ask',
      Payload: { token: '{% $states.context.Task.Token %}', question: 'Who?' },
    },
    TimeoutSeconds: 600,
    Assign: { answer: '{% $states.result %}' },
    Next: 'Many',
  },
  Many: {
    Type: 'Map',
    Items: [1, 2, 3],
    MaxConcurrency: 2,
    ItemProcessor: {
      ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
      ...workflow({
        Pause: { Type: 'Wait', Seconds: 5, Next: 'Double' },
        Double: invoke('double', { End: true }),
      }),
    },
    Assign: { many: '{% $states.result %}' },
    Next: 'Nest',
  },
  Nest: {
    Type: 'Task',
    Resource: 'arn:aws:states:::states:startExecution.sync:2',
    Arguments: {
      StateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:nested',
      Input: { n: 4 },
    },
    Output: { answer: '{% $answer %}', many: '{% $many %}', nested: '{% $states.result.Output %}' },
    End: true,
  },
})

const nested = machine({
  Pause: { Type: 'Wait', Seconds: 5, Next: 'Double' },
  Double: invoke('double', {
    Arguments: { FunctionName: 'double', Payload: '{% $states.input.n %}' },
    End: true,
  }),
})

export const scenarios: Readonly<Record<'everything' | 'waiting', Scenario>> = {
  everything: {
    definition: everything,
    output: everythingOutput,
    calls: 9,
    concurrent: 3,
    ended: 9,
    waits: [2000, 4000, 6000, 30_000],
    functions: everythingFunctions,
  },
  waiting: {
    definition: waiting,
    output: { answer: 'Ada', many: [2, 4, 6], nested: 8 },
    calls: 5,
    concurrent: 2,
    ended: 2,
    waits: [],
    functions: (onRun, onToken) => ({
      ask(input) {
        onRun('ask')
        onToken((input as { token: string }).token)
      },
      double(input) {
        onRun(`double ${JSON.stringify(input)}`)
        return Number(input) * 2
      },
    }),
  },
}

export type ScenarioName = keyof typeof scenarios

export interface Outcome {
  readonly status: string
  readonly output: unknown
  readonly events: readonly {
    readonly id: number
    readonly previous: number
    readonly time: number
    readonly type: string
  }[]
}

/**
 * Runs a scenario as the execution `once` to its end; goes on with it when it is in the database.
 *
 * @param calls a file for the calls of functions and the tokens, a line each; tokens that are in it are
 * answered
 * @param seed of what is random: jitter, and how long functions take
 */
export async function runScenario(
  name: ScenarioName,
  database: DatabaseSync,
  calls: string,
  seed: number,
): Promise<Outcome> {
  const random = seededRandom(seed)
  const tokens = linesOf(calls).filter((line) => line.startsWith('token '))
  const say = (line: string) => {
    appendFileSync(calls, `${line}\n`)
  }
  const functions = scenarios[name].functions(say, (token) => {
    say(`token ${token}`)
    setImmediate(() => void answerToken(engine, token))
  })
  const slowed = Object.entries(functions).map(([key, run]) => [key, slow(run, random)] as const)
  const tasks = functionsOf(Object.fromEntries(slowed))
  const engine = await openEngine({ database, clock: virtualClock(), random, tasks })
  const executionArn = await start(engine, name)
  for (const token of tokens) await answerToken(engine, token.slice('token '.length))
  const { status, output } = await engine.waitFor(executionArn)
  const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
  await engine.close()
  return {
    status,
    output: output === undefined ? undefined : JSON.parse(output),
    events: events.map(({ id, previousEventId, timestamp, type }) => ({
      id,
      previous: previousEventId,
      time: timestamp.getTime(),
      type,
    })),
  }
}

/** The calls of functions that `runScenario` wrote. */
export function callsIn(calls: string): string[] {
  return linesOf(calls).filter((line) => !line.startsWith('token '))
}

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}

async function start(engine: Engine, name: ScenarioName): Promise<string> {
  await engine.createStateMachine({ name: 'nested', definition: nested })
  const { definition } = scenarios[name]
  const { stateMachineArn } = await engine.createStateMachine({ name, definition })
  await engine.startExecution({ stateMachineArn, name: 'once' }).catch((error: unknown) => {
    if (!isEngineError(error, 'ExecutionAlreadyExists')) throw error
  })
  return stateMachineArn.replace('stateMachine', 'execution') + ':once'
}

/** Answers a token, once or again. */
async function answerToken(engine: Engine, taskToken: string): Promise<void> {
  await engine.sendTaskSuccess({ taskToken, output: '"Ada"' }).catch((error: unknown) => {
    if (!isEngineError(error, 'TaskTimedOut') && !isEngineError(error, 'TaskDoesNotExist')) {
      throw error
    }
  })
}

/** Takes some turns of the event loop, so that what runs at once ends in an order of its own. */
function slow(run: LambdaFunction, random: () => number): LambdaFunction {
  return async (input, context) => {
    const answer: unknown = await run(input, context)
    for (let turns = Math.floor(random() * 5); turns > 0; turns--) await new Promise(setImmediate)
    return answer
  }
}

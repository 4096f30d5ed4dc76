import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type Engine, isEngineError, openEngine, virtualClock } from '../../engine/index.ts'
import { seededRandom } from '../../ml/data/random.ts'
import { crashingDatabase } from './crashing-database.ts'
import { type Language, randomFunction, randomInput, randomMachine } from './random-machine.ts'
import { functionsOf } from './support.ts'

interface Outcome {
  readonly status: string
  readonly output: unknown
  readonly error: string | undefined
  /** Sorted, where the order of threads cannot change them. */
  readonly types: readonly string[] | undefined
}

/** What answers the tasks of one machine, over all the engines that run it. */
class World {
  readonly #tokens = new Map<string, string>()
  readonly #random: () => number
  engine: Engine | undefined

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  get options() {
    return {
      clock: virtualClock(),
      random: this.#random,
      onError: () => undefined,
      tasks: functionsOf({
        f: randomFunction((taskToken, output) => {
          this.#tokens.set(taskToken, output)
          void this.answer()
        }),
      }),
    }
  }

  /** Answers the tokens that are open; also those that were given before a crash. */
  async answer(): Promise<void> {
    // The task first has to be told that its function is through.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    const { engine } = this
    for (const [taskToken, output] of this.#tokens) {
      const answered = await engine
        ?.sendTaskSuccess({ taskToken, output })
        .catch((error: unknown) => {
          if (isEngineError(error, 'EngineClosed') || !isEngineError(error)) return undefined
          return {}
        })
      if (answered !== undefined) this.#tokens.delete(taskToken)
    }
  }
}

const executionArn = 'arn:aws:states:us-east-1:000000000000:execution:random:once'

async function begin(engine: Engine, definition: string): Promise<void> {
  const { stateMachineArn } = await engine.createStateMachine({ name: 'random', definition })
  await engine.startExecution({ stateMachineArn, name: 'once', input: JSON.stringify(randomInput) })
}

async function finish(engine: Engine): Promise<Outcome> {
  const { status, output, error } = await engine.waitFor(executionArn)
  const types: string[] = []
  for await (const { type } of engine.watch(executionArn)) {
    // A token that is answered again may come before the function has answered again.
    if (type !== 'TaskSubmitted') types.push(type)
  }
  // What else ran in a state that failed is a matter of chance.
  const isRacy =
    types.some((type) => /^(Parallel|Map)StateFailed$/.test(type)) || status !== 'SUCCEEDED'
  await engine.close()
  return {
    status,
    output: output === undefined ? undefined : (JSON.parse(output) as unknown),
    error,
    types: isRacy ? undefined : types.sort(),
  }
}

async function inMemory(definition: string, seed: number): Promise<Outcome> {
  const world = new World(seed)
  const engine = (world.engine = await openEngine(world.options))
  await begin(engine, definition)
  return finish(engine)
}

async function durable(definition: string, seed: number) {
  const world = new World(seed)
  const file = new DatabaseSync(':memory:')
  const { database, commits } = crashingDatabase(file, Infinity, 'after', () => undefined)
  const engine = (world.engine = await openEngine({ ...world.options, database }))
  await begin(engine, definition)
  const outcome = await finish(engine)
  return { outcome, commits: commits() }
}

async function express(definition: string, seed: number): Promise<Omit<Outcome, 'types'>> {
  const engine = await openEngine(new World(seed).options)
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'random',
    definition,
    type: 'EXPRESS',
  })
  const input = JSON.stringify(randomInput)
  const { status, output, error } = await engine.startSyncExecution({ stateMachineArn, input })
  await engine.close()
  return { status, output: output === undefined ? undefined : JSON.parse(output), error }
}

/** The engine crashes at commit `at`; another one, with the same functions, goes on. */
async function killed(definition: string, seed: number, at: number): Promise<Outcome> {
  const world = new World(seed)
  const file = new DatabaseSync(':memory:')
  const crashed = Promise.withResolvers<undefined>()
  const moment = at % 2 === 0 ? 'before' : 'after'
  const { database } = crashingDatabase(file, at, moment, () => {
    crashed.resolve(undefined)
  })
  const first = (world.engine = await openEngine({ ...world.options, database }))
  await begin(first, definition).catch(() => undefined)
  // It may also end before, by having been committed in fewer slices.
  await Promise.race([crashed.promise, first.waitFor(executionArn).catch(() => crashed.promise)])
  world.engine = undefined
  await first.close()

  const second = (world.engine = await openEngine({ ...world.options, database: file }))
  await begin(second, definition).catch(() => undefined)
  await world.answer()
  return finish(second)
}

describe.each<Language>(['JSONata', 'JSONPath'])('random state machines in %s', (language) => {
  it('run the same in memory, on a database, and with a crash', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      const definition = randomMachine(seed, language)
      const where = `seed ${seed}: ${definition}`
      const memory = await inMemory(definition, seed)
      seen.add(memory.status)
      expect(['undefined', 'E'], where).toContain(String(memory.error))
      const { outcome, commits } = await durable(definition, seed)
      expect(outcome, where).toEqual(memory)
      if (!definition.includes('waitForTaskToken')) {
        const { status, output, error } = memory
        expect(await express(definition, seed), where).toEqual({ status, output, error })
      }
      // The first commits are those of the tables and the state machine.
      const at = 3 + Math.floor(seededRandom(seed)() * (commits - 2))
      expect(await killed(definition, seed, at), `crash ${at}, ${where}`).toEqual(memory)
    }
    expect(seen).toEqual(new Set(['SUCCEEDED', 'FAILED']))
  })
})

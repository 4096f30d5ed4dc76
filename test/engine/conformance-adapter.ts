import {
  type Engine,
  type EngineOptions,
  EngineError,
  openEngine,
  systemClock,
  virtualClock,
} from '../../engine/index.ts'

/** A recorded case, as far as it is looked at here. */
interface Case {
  readonly realTime?: boolean
  readonly slow?: boolean
}

/** What the runner gives: the recorded answers of a case's tasks. */
interface Mocks {
  readonly calls: Record<string, number>
  readonly inputs: Record<string, unknown[]>
  invoke(resource: string, input: unknown): Promise<unknown>
}

interface Runner {
  readonly Mocks: new (spec: unknown) => Mocks
}

/** What a case came to. */
interface Outcome {
  readonly status: string
  readonly output?: unknown
  readonly error?: string
  readonly cause?: string
  readonly calls: Mocks['calls']
  readonly inputs: Mocks['inputs']
  readonly eventTypes: readonly string[]
}

/** Runs the recorded cases on the engine, by the contract of their runner. */
export default async function adapter({ Mocks }: Runner) {
  return {
    concurrency: 8,

    async run(
      definition: unknown,
      input: unknown,
      spec: unknown,
      testCase: Case,
    ): Promise<Outcome> {
      const mocks = new Mocks(spec)
      const isReal = testCase.realTime === true || testCase.slow === true
      const engine = await openEngine({
        clock: isReal ? systemClock : virtualClock({ patience: 300 }),
        tasks: tasksOf(mocks, () => engine),
      })
      try {
        return {
          ...(await runOn(engine, definition, input)),
          calls: mocks.calls,
          inputs: mocks.inputs,
        }
      } finally {
        await engine.close()
      }
    },

    async validate(
      definition: unknown,
      raw: string | undefined,
      { type = 'STANDARD' }: { type?: string },
    ) {
      const engine = await openEngine({ tasks: () => undefined })
      try {
        await engine.createStateMachine({
          name: 'case',
          definition: raw ?? JSON.stringify(definition),
          type: type as 'STANDARD',
        })
        return { valid: true, errors: '' }
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        return { valid: false, errors: error.message }
      } finally {
        await engine.close()
      }
    },
  }
}

async function runOn(
  engine: Engine,
  definition: unknown,
  input: unknown,
): Promise<Omit<Outcome, 'calls' | 'inputs'>> {
  const { stateMachineArn } = await engine.createStateMachine({
    name: 'case',
    definition: JSON.stringify(definition),
  })
  const { executionArn } = await engine.startExecution({
    stateMachineArn,
    ...(input === undefined ? {} : { input: JSON.stringify(input) }),
  })
  const { status, output, error, cause } = await engine.waitFor(executionArn)
  const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
  return {
    status,
    ...(output === undefined ? {} : { output: JSON.parse(output) as unknown }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    eventTypes: events.map((event) => event.type),
  }
}

/** The recorded answer is the task's result, also of a task that waits for its token. */
function tasksOf(mocks: Mocks, engine: () => Engine): EngineOptions['tasks'] {
  return (resource) =>
    async (input, { taskToken }) => {
      const answer = mocks.invoke(resource, input).catch((error: unknown) => {
        const { error: name, cause } = error as { error?: string; cause?: string }
        throw Object.assign(new Error(cause ?? ''), { name: name ?? '' })
      })
      if (!resource.endsWith('.waitForTaskToken')) return answer
      await engine().sendTaskSuccess({ taskToken, output: JSON.stringify(await answer) })
      return null
    }
}

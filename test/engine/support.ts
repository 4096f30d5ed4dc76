import {
  type EngineOptions,
  type ExecutionDescription,
  type HistoryEvent,
  lambdaInvoke,
  type LambdaFunction,
  openEngine,
  virtualClock,
} from '../../engine/index.ts'

export type Fields = Record<string, unknown>

/** A Task of `lambda:invoke` that unwraps the envelope. */
export function invoke(functionName: string, rest: Fields = {}): Fields {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Arguments: { FunctionName: functionName, Payload: '{% $states.input %}' },
    Output: '{% $states.result.Payload %}',
    ...rest,
  }
}

/** A definition whose first state is the first of `states`. */
export function machine(states: Record<string, Fields>, rest: Fields = {}): string {
  return JSON.stringify({
    QueryLanguage: 'JSONata',
    StartAt: Object.keys(states)[0],
    States: states,
    ...rest,
  })
}

/** States that loop for ever without waiting; a definition must have an end that it could come to. */
export const loopStates: Record<string, Fields> = {
  A: { Type: 'Pass', Next: 'B' },
  B: { Type: 'Choice', Choices: [{ Condition: false, Next: 'C' }], Default: 'A' },
  C: { Type: 'Succeed' },
}

export function workflow(states: Record<string, Fields>): Fields {
  return { StartAt: Object.keys(states)[0], States: states }
}

export function functionsOf(functions: Record<string, LambdaFunction>) {
  return lambdaInvoke((name) => functions[name])
}

export interface Ran extends ExecutionDescription {
  /** The output, parsed. */
  readonly result: unknown
  readonly events: HistoryEvent[]
  readonly types: string[]
}

/** Runs one execution in memory, on a virtual clock unless another is given, to its end. */
export async function run(
  definition: string,
  options: Partial<EngineOptions> & {
    input?: unknown
    functions?: Record<string, LambdaFunction>
  } = {},
): Promise<Ran> {
  const { input = {}, functions = {}, ...rest } = options
  const engine = await openEngine({
    clock: virtualClock({ patience: 0 }),
    tasks: functionsOf(functions),
    ...rest,
  })
  try {
    const { stateMachineArn } = await engine.createStateMachine({ name: 'machine', definition })
    const { executionArn } = await engine.startExecution({
      stateMachineArn,
      input: JSON.stringify(input),
    })
    const description = await engine.waitFor(executionArn)
    const { events } = await engine.getExecutionHistory({ executionArn, maxResults: 1000 })
    return {
      ...description,
      result: description.output === undefined ? undefined : JSON.parse(description.output),
      events,
      types: events.map((event) => event.type),
    }
  } finally {
    await engine.close()
  }
}

/** The details of an event, whatever its type. */
export function details(event: HistoryEvent | undefined): Record<string, unknown> {
  const name = Object.keys(event ?? {}).find((key) => key.endsWith('EventDetails'))
  return (name && (event as unknown as Record<string, Record<string, unknown>>)[name]) || {}
}

/** Each event as `id<previous type`. */
export function linkage(events: readonly HistoryEvent[]): string[] {
  return events.map(({ id, previousEventId, type }) => `${id}<${previousEventId} ${type}`)
}

/** A handler that never settles. */
export const hang: LambdaFunction = () => new Promise(() => undefined)

export function failing(name: string, message = 'because'): LambdaFunction {
  return () => {
    const error = new Error(message)
    error.name = name
    throw error
  }
}

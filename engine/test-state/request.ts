import type * as api from '../api-types.ts'
import { Data, isObject, type Json, type JsonObject } from '../data.ts'
import type { State } from '../definition/states.ts'
import { EngineError } from '../errors.ts'
import { hasTaskToken } from '../integrations/resource.ts'
import { limits } from '../limits.ts'
import { checkInput, checkOneOf, checkText } from '../requests.ts'
import type { TaskOutcome } from '../states/task.ts'

/** What TestState is asked for, checked. */
export interface TestRequest {
  readonly input: Data
  readonly variables: JsonObject
  readonly roleArn: string | undefined
  readonly isInspected: boolean
  /** What the task, the iterations or the branches came to. */
  readonly mock: TaskOutcome | undefined
  readonly context: Json | undefined
  readonly retrierRetryCount: number
  readonly mapIterationFailureCount: number
}

/** Throws ValidationException, InvalidExecutionInput, InvalidDefinition. */
export function readTestRequest(input: api.TestStateInput, state: State): TestRequest {
  checkOneOf(input.inspectionLevel, 'inspectionLevel', ['INFO', 'DEBUG', 'TRACE'])
  const mock = readMock(input, state)
  const configuration = input.stateConfiguration ?? {}
  return {
    input: checkInput(input.input ?? '{}'),
    variables: readObject(input.variables ?? '{}', 'variables'),
    roleArn: checkText(input.roleArn, 'roleArn', 256),
    isInspected: input.inspectionLevel === 'DEBUG' || input.inspectionLevel === 'TRACE',
    mock,
    context: input.context === undefined ? undefined : readContext(input.context, state, mock),
    retrierRetryCount: readCount(configuration.retrierRetryCount, 'retrierRetryCount'),
    mapIterationFailureCount: readCount(
      configuration.mapIterationFailureCount,
      'mapIterationFailureCount',
    ),
  }
}

/** The Context object's fields that may be given, and those in each. */
const contextFields: Readonly<Record<string, readonly string[]>> = {
  Execution: ['Id', 'Input', 'Name', 'RoleArn', 'StartTime', 'RedriveCount', 'RedriveTime'],
  State: ['EnteredTime', 'Name', 'RetryCount'],
  StateMachine: ['Id', 'Name'],
  Task: ['Token'],
}

function readMock({ mock, revealSecrets }: api.TestStateInput, state: State): TestRequest['mock'] {
  const { type } = state
  if (mock === undefined) {
    if (type !== 'Map' && type !== 'Parallel') return undefined
    throw new EngineError(
      'InvalidDefinition',
      'TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]',
    )
  }
  if (type !== 'Task' && type !== 'Map' && type !== 'Parallel') {
    throw invalid(`State type '${type}' is not supported when a mock is specified`)
  }
  if (revealSecrets === true) {
    throw invalid('TestState does not support RevealSecrets when a mock is specified.')
  }
  checkOneOf(mock.fieldValidationMode, 'mock.fieldValidationMode', ['STRICT', 'PRESENT', 'NONE'])
  if ((mock.result === undefined) === (mock.errorOutput === undefined)) {
    throw invalid(
      'A test mock should have only one of the following fields: [result, errorOutput].',
    )
  }
  if (mock.errorOutput !== undefined) {
    const error = checkText(mock.errorOutput.error, 'mock.errorOutput.error', limits.errorLength)
    const cause = checkText(mock.errorOutput.cause, 'mock.errorOutput.cause', limits.causeLength)
    const failure = {
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
    }
    return { kind: 'failed', failure }
  }
  const output = readJson(mock.result, 'mock.result')
  checkResult(output.value, state)
  return { kind: 'succeeded', output }
}

function checkResult(result: Json, state: State): void {
  if (state.type === 'Task') return
  const isWritten = state.type === 'Map' && state.distributed?.writer?.arguments !== undefined
  if (isWritten) {
    if (!isObject(result)) throw invalid('Mocked result must be a JSON object.')
    return
  }
  if (!Array.isArray(result)) throw invalid('Mocked result must be an array.')
  if (state.type === 'Parallel' && result.length !== state.branches.length) {
    throw invalid(
      'Mocked result must contain the same number of items as number of Parallel branches.',
    )
  }
}

function readContext(text: string, state: State, mock: TestRequest['mock']): Json {
  if (mock === undefined) {
    throw invalid('A Context object can only be specified when a mock is specified')
  }
  const context = readObject(text, 'context')
  const fault = (message: string) => invalid(`Invalid Context object provided: ${message}`)
  if ('Map' in context) {
    throw fault("'Map' field is not supported when mocking a Context object")
  }
  if ('Task' in context && !(state.type === 'Task' && hasTaskToken(state.resource))) {
    throw fault(
      "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service integration pattern",
    )
  }
  for (const [name, part] of Object.entries(context)) {
    const fields = Object.hasOwn(contextFields, name) ? contextFields[name]! : undefined
    if (fields === undefined) throw fault(`Field '${name}' is not allowed`)
    if (!isObject(part)) throw fault(`${name} must be an object`)
    for (const [field, value] of Object.entries(part)) {
      if (!fields.includes(field)) throw fault(`Field '${field}' is not allowed`)
      const isCount = field === 'RetryCount' || field === 'RedriveCount'
      if (field === 'Input') continue
      if (isCount && !Number.isInteger(value)) throw fault(`${name}.${field} must be an integer`)
      if (!isCount && typeof value !== 'string') throw fault(`${name}.${field} must be a string`)
    }
  }
  return context
}

function readObject(text: unknown, name: string): JsonObject {
  const { value } = readJson(text, name)
  if (isObject(value)) return value
  throw invalid(`${name} is a JSON object`)
}

function readJson(text: unknown, name: string): Data {
  try {
    if (typeof text !== 'string') throw new SyntaxError('it is no text')
    const data = new Data(JSON.parse(text) as Json)
    if (data.isTooLarge) throw new SyntaxError(`it has more than ${limits.stateDataBytes} bytes`)
    return data
  } catch (error) {
    throw invalid(`${name} is not JSON: ${(error as Error).message}`)
  }
}

function readCount(value: unknown, name: string): number {
  if (value === undefined) return 0
  if (Number.isInteger(value) && (value as number) >= 0) return value as number
  throw invalid(`stateConfiguration.${name} is an integer of at least 0`)
}

function invalid(message: string): EngineError {
  return new EngineError('ValidationException', message)
}

import { randomUUID } from 'node:crypto'
import type * as api from '../api-types.ts'
import { Data, isObject, type Json, type JsonObject } from '../data.ts'
import { EngineError, errorNames, type Failure } from '../errors.ts'
import type { StateMachineTypeName } from '../execution.ts'
import type { TaskOutcome } from '../states/task.ts'
import { pascalCase } from './case.ts'
import { sorted, withMetadata } from './envelope.ts'
import { type IntegrationPattern, parseResource } from './resource.ts'
import { nonceOfToken } from './token.ts'

/** What nested executions need of the engine. */
export interface NestedHost {
  start(input: api.StartExecutionInput): api.StartExecutionOutput
  waitFor(executionArn: string): Promise<api.ExecutionDescription>
  /** Throws StateMachineDoesNotExist. */
  typeOf(stateMachineArn: string): StateMachineTypeName
  /** Commits what `body` wrote together, or takes all of it back. */
  transaction<T>(body: () => T): T
}

/** What came of starting a nested execution. */
export type NestedStart =
  | { readonly kind: 'failed'; readonly failure: Failure }
  | {
      readonly kind: 'started'
      /** What StartExecution answered, as the integration shows it. */
      readonly output: Data
      /** The execution that the task waits for. */
      readonly child: string | undefined
    }

/** What was to be written could not be: the task is as it was, and is to be tried again. */
export class Unsaved extends Error {
  override readonly name = 'Unsaved'

  constructor(cause: unknown) {
    super('a nested execution could not be saved', { cause })
  }
}

/** Whether the engine itself does the task: it starts an execution of another state machine. */
export function isNested(resource: string): boolean {
  const { service, action } = parseResource(resource)
  return service === 'states' && action === 'startExecution'
}

/**
 * The tasks of `arn:aws:states:::states:startExecution`, `.sync`, `.sync:2` and `.waitForTaskToken`.
 * https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
 */
export class NestedExecutions {
  readonly #host: NestedHost

  constructor(host: NestedHost) {
    this.#host = host
  }

  /** Within it, a start and the events of the task that it is for are written together. */
  atomically<T>(body: () => T): T {
    return this.#host.transaction(body)
  }

  /** Throws Unsaved. */
  start(resource: string, parameters: Json, taskToken: string): NestedStart {
    const { pattern } = parseResource(resource)
    const isSync = pattern === '.sync' || pattern === '.sync:2'
    try {
      const request = requestOf(parameters, taskToken)
      if (isSync && this.#host.typeOf(request.stateMachineArn) === 'EXPRESS') {
        throw new EngineError(
          'StateMachineTypeNotSupported',
          'This operation is not supported by this type of state machine',
        )
      }
      const { executionArn, startDate } = this.#host.start(request)
      const answer = { ExecutionArn: executionArn, StartDate: startDate.getTime() }
      return {
        kind: 'started',
        output: new Data(withMetadata(answer)),
        child: isSync ? executionArn : undefined,
      }
    } catch (error) {
      if (!(error instanceof EngineError) || unsaved.has(error.name)) throw new Unsaved(error)
      return { kind: 'failed', failure: failureOf(error) }
    }
  }

  /** Tells how the task ends once its child has; the answer cancels that. */
  whenEnded(resource: string, child: string, onEnd: (outcome: TaskOutcome) => void): () => void {
    let isCancelled = false
    const { pattern } = parseResource(resource)
    const tell = (outcome: TaskOutcome) => {
      if (!isCancelled) onEnd(outcome)
    }
    this.#host.waitFor(child).then(
      (description) => {
        tell(outcomeOf(description, pattern))
      },
      (error: unknown) => {
        if (error instanceof EngineError && error.name !== 'EngineClosed') {
          tell({ kind: 'failed', failure: failureOf(error) })
        }
      },
    )
    return () => {
      isCancelled = true
    }
  }
}

const unsaved: ReadonlySet<string> = new Set(['StorageFailed', 'EngineClosed', 'DataDirectoryBusy'])

/** Throws EngineError for parameters that StartExecution does not take. */
function requestOf(parameters: Json, taskToken: string): api.StartExecutionInput {
  const { StateMachineArn, Name, Input } = isObject(parameters) ? parameters : {}
  return {
    stateMachineArn: StateMachineArn as string,
    name: (Name as string | undefined) ?? nonceOfToken(taskToken) ?? randomUUID(),
    input: typeof Input === 'string' ? Input : JSON.stringify(Input ?? {}),
  }
}

/** As the service's integration names them. */
function failureOf({ name, message }: EngineError): Failure {
  return {
    error: `StepFunctions.${name}${name.endsWith('Exception') ? '' : 'Exception'}`,
    cause: `${message} (Service: AWSStepFunctions; Status Code: 400; Error Code: ${name}; Request ID: ${randomUUID()}; Proxy: null)`,
  }
}

function outcomeOf(
  description: api.ExecutionDescription,
  pattern: IntegrationPattern | undefined,
): TaskOutcome {
  const { input, output, ...rest } = description
  const read = (text: string) => (pattern === '.sync:2' ? (JSON.parse(text) as Json) : text)
  const result = sorted({
    ...(pascalCase(rest, (date) => date.getTime()) as JsonObject),
    Input: read(input),
    ...(output === undefined ? {} : { Output: read(output) }),
  })
  if (description.status === 'SUCCEEDED') return { kind: 'succeeded', output: new Data(result) }
  const cause = JSON.stringify(result)
  return { kind: 'failed', failure: { error: errorNames.taskFailed, cause } }
}

import type { Engine } from '../../engine/index.ts'
import { isMillraceError, MillraceError, type ErrorName } from '../ports/errors.ts'
import {
  checkExecutionHistory,
  checkExecutionList,
  checkExecutionName,
  checkStopReason,
  executionInput,
} from '../ports/execution-requests.ts'
import type {
  Execution,
  ExecutionEvent,
  Executions,
  ExecutionStatus,
  ExecutionSummary,
} from '../ports/executions.ts'
import type { Json, JsonObject } from '../ports/json.ts'
import { decodeCursor, encodeCursor } from '../ports/page.ts'
import type { LocalDatabase } from './database.ts'

/**
 * The executions port over the embedded engine, which writes to `database`. `engine` resolves when it
 * is open. What changes an execution answers when the change is on the disk.
 */
export function localExecutions(
  engine: Promise<Engine>,
  arns: LocalArns,
  database: LocalDatabase,
): Executions {
  /** The ARN of an execution goes to `call`; an execution that is not there may lack its workflow. */
  const ofExecution = async <T>(
    workflow: string,
    name: string,
    call: (engine: Engine, executionArn: string) => Promise<T>,
  ): Promise<T> => {
    try {
      return await asked(call(await engine, arns.execution(workflow, name)))
    } catch (error) {
      if (!isMillraceError(error, 'ExecutionNotFound')) throw error
      const stateMachineArn = arns.stateMachine(workflow)
      await asked((await engine).describeStateMachine({ stateMachineArn }))
      throw error
    }
  }

  const described = async (workflow: string, name: string): Promise<Execution> => {
    const found = await ofExecution(workflow, name, (engine, executionArn) =>
      engine.describeExecution({ executionArn }),
    )
    return {
      ...summaryOf(found),
      input: parsed(found.input),
      ...(found.output === undefined ? {} : { output: parsed(found.output) }),
      ...(found.error === undefined ? {} : { error: found.error }),
      ...(found.cause === undefined ? {} : { cause: found.cause }),
    }
  }

  return {
    async start({ workflow, name, input }) {
      checkExecutionName(name)
      const text = executionInput(input)
      const stateMachineArn = arns.stateMachine(workflow)
      await asked((await engine).startExecution({ stateMachineArn, name, input: text }))
      await database.durable()
      return described(workflow, name)
    },

    describe: described,

    async list(options = {}) {
      const { workflow, status, cursor } = options
      const { limit, scope } = checkExecutionList(options)
      const page = await asked(
        (await engine).listExecutions({
          ...(workflow === undefined ? {} : { stateMachineArn: arns.stateMachine(workflow) }),
          ...(status === undefined ? {} : { statusFilter: status }),
          ...(cursor === undefined ? {} : { nextToken: decodeCursor(scope, cursor) }),
          maxResults: limit,
        }),
      )
      const { nextToken } = page
      return {
        executions: page.executions.map((one) => summaryOf(one)),
        ...(nextToken === undefined ? {} : { cursor: encodeCursor(scope, nextToken) }),
      }
    },

    async history(workflow, name, options = {}) {
      const { after, limit } = checkExecutionHistory(options)
      const { events } = await ofExecution(workflow, name, (engine, executionArn) =>
        engine.getExecutionHistory({ executionArn, after, maxResults: limit }),
      )
      return events.map(eventOf)
    },

    async stop(workflow, name, reason = {}) {
      checkStopReason(reason)
      await ofExecution(workflow, name, (engine, executionArn) =>
        engine.stopExecution({ executionArn, ...reason }),
      )
      await database.durable()
    },

    async redrive(workflow, name) {
      await ofExecution(workflow, name, (engine, executionArn) =>
        engine.redriveExecution({ executionArn }),
      )
      await database.durable()
    },
  }
}

/** Names as ARNs and back. */
export interface LocalArns {
  stateMachine(workflow: string): string
  execution(workflow: string, name: string): string
}

export function localArns(region: string, account: string): LocalArns {
  const prefix = `arn:aws:states:${region}:${account}`
  return {
    stateMachine: (workflow) => `${prefix}:stateMachine:${workflow}`,
    execution: (workflow, name) => `${prefix}:execution:${workflow}:${name}`,
  }
}

interface EngineExecution {
  readonly executionArn: string
  readonly name: string
  readonly status: string
  readonly startDate: Date
  readonly stopDate?: Date | undefined
  readonly redriveCount?: number | undefined
}

function summaryOf(one: EngineExecution): ExecutionSummary {
  return {
    workflow: one.executionArn.split(':').at(-2)!,
    name: one.name,
    status: one.status as ExecutionStatus,
    startDate: one.startDate.toISOString(),
    ...(one.stopDate === undefined ? {} : { stopDate: one.stopDate.toISOString() }),
    redriveCount: one.redriveCount ?? 0,
  }
}

/** The one `…EventDetails` member of an event is its details. */
function eventOf(event: {
  id: number
  previousEventId?: number
  type: string
  timestamp: Date
}): ExecutionEvent {
  const member = Object.keys(event).find((name) => name.endsWith('EventDetails'))
  const details = member === undefined ? {} : (event as Record<string, unknown>)[member]
  return {
    id: event.id,
    previousEventId: event.previousEventId ?? 0,
    type: event.type,
    timestamp: event.timestamp.toISOString(),
    details: details as JsonObject,
  }
}

const names: Readonly<Record<string, ErrorName>> = {
  ExecutionDoesNotExist: 'ExecutionNotFound',
  StateMachineDoesNotExist: 'WorkflowNotFound',
  ExecutionAlreadyExists: 'ExecutionConflict',
  ExecutionNotRedrivable: 'ExecutionConflict',
  InvalidExecutionInput: 'ItemInvalid',
  InvalidName: 'NameInvalid',
  InvalidToken: 'CursorInvalid',
}

/** The engine's errors under the names of the port. */
async function asked<T>(answer: T | Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    const name = error instanceof Error ? names[error.name] : undefined
    if (name === undefined) throw error
    throw new MillraceError(name, (error as Error).message, { cause: error })
  }
}

function parsed(text: string | undefined): Json {
  return text === undefined ? null : (JSON.parse(text) as Json)
}

import type { Engine } from '../../engine/index.ts'
import { MillraceError, type ErrorName } from '../ports/errors.ts'
import type {
  Execution,
  ExecutionEvent,
  Executions,
  ExecutionStatus,
  ExecutionSummary,
} from '../ports/executions.ts'
import type { Json, JsonObject } from '../ports/json.ts'
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
  const described = async (workflow: string, name: string): Promise<Execution> => {
    const found = await asked(
      (await engine).describeExecution({ executionArn: arns.execution(workflow, name) }),
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
      await asked(
        (await engine).startExecution({
          stateMachineArn: arns.stateMachine(workflow),
          name,
          input: JSON.stringify(input),
        }),
      )
      await database.durable()
      return described(workflow, name)
    },

    describe: described,

    async list({ workflow, status, cursor, limit = 50 } = {}) {
      const page = await asked(
        (await engine).listExecutions({
          ...(workflow === undefined ? {} : { stateMachineArn: arns.stateMachine(workflow) }),
          ...(status === undefined ? {} : { statusFilter: status }),
          ...(cursor === undefined ? {} : { nextToken: cursor }),
          maxResults: limit,
        }),
      )
      return {
        executions: page.executions.map((one) => summaryOf(one)),
        ...(page.nextToken === undefined ? {} : { cursor: page.nextToken }),
      }
    },

    async history(workflow, name, { after = 0, limit = 1000 } = {}) {
      const { events } = await asked(
        (await engine).getExecutionHistory({
          executionArn: arns.execution(workflow, name),
          after,
          maxResults: limit,
        }),
      )
      return events.map(eventOf)
    },

    async stop(workflow, name, reason = {}) {
      await asked(
        (await engine).stopExecution({ executionArn: arns.execution(workflow, name), ...reason }),
      )
      await database.durable()
    },

    async redrive(workflow, name) {
      await asked((await engine).redriveExecution({ executionArn: arns.execution(workflow, name) }))
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

import type * as api from './api-types.ts'
import type { Clock } from './clock.ts'
import {
  describeExecution,
  listExecution,
  type Redrivability,
  redrivability,
} from './descriptions.ts'
import { EngineError } from './errors.ts'
import type { ExecutionStatus } from './execution.ts'
import { historyEvent } from './history.ts'
import type { MapRuns } from './map/map-runs.ts'
import { checkArn, checkPageSize, pageToken, readPageToken } from './requests.ts'
import type { Origin, StateMachines } from './state-machines.ts'
import type { ExecutionRow, Store } from './store.ts'

const statuses: readonly ExecutionStatus[] = [
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
  'TIMED_OUT',
  'ABORTED',
]

/** What is stored of executions, as the API's descriptions, lists and histories. */
export class ExecutionRecords {
  readonly #store: Store
  readonly #stateMachines: StateMachines
  readonly #mapRuns: MapRuns
  readonly #clock: Clock
  readonly #origin: Origin

  constructor(parts: {
    store: Store
    stateMachines: StateMachines
    mapRuns: MapRuns
    clock: Clock
    origin: Origin
  }) {
    this.#store = parts.store
    this.#stateMachines = parts.stateMachines
    this.#mapRuns = parts.mapRuns
    this.#clock = parts.clock
    this.#origin = parts.origin
  }

  /** Throws InvalidArn, ExecutionDoesNotExist. */
  row(arn: unknown): ExecutionRow {
    const row = this.#store.execution(isChildArn(arn) ? arn : checkArn(arn, 'execution'))
    if (row !== undefined) return row
    throw new EngineError('ExecutionDoesNotExist', `Execution Does Not Exist: '${String(arn)}'`)
  }

  redrivability(row: ExecutionRow): Redrivability {
    return redrivability(row, this.#store.lastEventId(row.id), this.#clock.now())
  }

  describe(input: { executionArn: string }): api.ExecutionDescription {
    const row = this.row(input.executionArn)
    return {
      ...describeExecution(row, this.redrivability(row)),
      ...this.#mapRuns.descriptionOf(row),
    }
  }

  describeStateMachine(input: { executionArn: string }): api.StateMachineForExecution {
    const row = this.row(input.executionArn)
    return {
      stateMachineArn: row.stateMachineArn,
      name: row.stateMachineName,
      definition: this.#store.definition(row.digest),
      roleArn: row.roleArn,
      updateDate: new Date(this.#stateMachines.find(row.stateMachineArn)?.updated ?? row.startTime),
      ...this.#mapRuns.stateMachineOf(row),
    }
  }

  list(input: api.ListExecutionsInput): {
    executions: api.ExecutionListItem[]
    nextToken?: string
  } {
    const { stateMachineArn, mapRunArn, statusFilter } = input
    if (stateMachineArn !== undefined && mapRunArn !== undefined) {
      throw new EngineError(
        'ValidationException',
        'stateMachineArn and mapRunArn exclude each other',
      )
    }
    const machine =
      stateMachineArn === undefined ? undefined : this.#stateMachines.row(stateMachineArn)
    if (machine?.type === 'EXPRESS') throw notSupported()
    const isPendingRedrive = statusFilter === 'PENDING_REDRIVE' && mapRunArn !== undefined
    if (statusFilter !== undefined && !isPendingRedrive && !isStatus(statusFilter)) {
      throw new EngineError(
        'ValidationException',
        `statusFilter is one of ${statuses.join(', ')}; found ${JSON.stringify(statusFilter)}`,
      )
    }
    if (mapRunArn !== undefined) return this.#mapRuns.listExecutions(input)
    const limit = checkPageSize(input.maxResults)
    const before = readPageToken('ListExecutions', input.nextToken) ?? Number.MAX_SAFE_INTEGER
    const rows = this.#store.executions(machine?.arn, statusFilter, Number(before), limit + 1)
    const page = rows.slice(0, limit)
    return {
      executions: page.map(listExecution),
      ...(rows.length > limit ? { nextToken: pageToken('ListExecutions', page.at(-1)!.id) } : {}),
    }
  }

  history(input: api.GetExecutionHistoryInput): { events: api.HistoryEvent[]; nextToken?: string } {
    const { id } = this.row(input.executionArn)
    const limit = checkPageSize(input.maxResults)
    const { reverseOrder = false, includeExecutionData = true, after = 0 } = input
    if (!Number.isInteger(after) || after < 0 || (reverseOrder && after > 0)) {
      throw new EngineError(
        'ValidationException',
        `after is the id of an event, and not with reverseOrder; found ${JSON.stringify(after)}`,
      )
    }
    const operation = reverseOrder ? 'GetExecutionHistory reversed' : 'GetExecutionHistory'
    const position = readPageToken(operation, input.nextToken)
    const events = reverseOrder
      ? this.#store.eventsBefore(id, Number(position ?? Number.MAX_SAFE_INTEGER), limit + 1)
      : this.#store.eventsAfter(id, Number(position ?? after), after, limit + 1)
    const page = events.slice(0, limit)
    const { region } = this.#origin
    return {
      events: page.map((event) => historyEvent(event, region, includeExecutionData)),
      ...(events.length > limit ? { nextToken: pageToken(operation, page.at(-1)!.seq) } : {}),
    }
  }
}

function isStatus(text: string): text is ExecutionStatus {
  return (statuses as readonly string[]).includes(text)
}

/** A child execution of a map run may be of the type EXPRESS, and be asked for nevertheless. */
function isChildArn(arn: unknown): arn is string {
  return typeof arn === 'string' && /^arn:[^:]*:states:[^:]*:[^:]*:express:[^:]*\//.test(arn)
}

export function notSupported(): EngineError {
  return new EngineError(
    'StateMachineTypeNotSupported',
    'This operation is not supported by this type of state machine',
  )
}

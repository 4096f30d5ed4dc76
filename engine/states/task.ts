import { randomUUID } from 'node:crypto'
import { type Data, dataLimitExceeded, type Json } from '../data.ts'
import type { Fields } from '../definition/fields.ts'
import { readContinuation, readHandling } from '../definition/handling.ts'
import type { TaskState } from '../definition/states.ts'
import { errorNames, type Failure, failureFields } from '../errors.ts'
import type { Scope, StateRun } from '../execution.ts'
import { limits } from '../limits.ts'
import type { Turn } from '../turn.ts'
import type { StateType } from './type.ts'

/** How an attempt ended. */
export type TaskOutcome =
  | { readonly kind: 'succeeded'; readonly output: Data }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'timedOut'; readonly isHeartbeat: boolean }

/** Has a handler do something, and takes its answer. */
export const taskType: StateType<TaskState> & {
  end(turn: Turn, scope: Scope, run: StateRun, outcome: TaskOutcome): void
} = {
  read(fields, name) {
    const timeoutSeconds = fields.numberTemplate('TimeoutSeconds', seconds)
    const heartbeatSeconds = fields.numberTemplate('HeartbeatSeconds', seconds)
    const timeout = timeoutSeconds?.constant
    const heartbeat = heartbeatSeconds?.constant
    if (typeof timeout === 'number' && typeof heartbeat === 'number' && heartbeat >= timeout) {
      fields.fault(`'HeartbeatSeconds' must be less than 'TimeoutSeconds'`, 'HeartbeatSeconds')
    }
    readCredentials(fields)
    return {
      type: 'Task',
      name,
      resource: readResource(fields),
      arguments: fields.template('Arguments'),
      timeoutSeconds,
      heartbeatSeconds,
      ...readHandling(fields),
      ...readContinuation(fields),
    }
  },

  start(turn, scope, run) {
    const state = run.state as TaskState
    const taskToken = randomUUID()
    const extras = { taskToken }
    const parameters =
      state.arguments === undefined ? run.input : turn.evaluate(scope, run, state.arguments, extras)
    const [timeoutSeconds, heartbeatSeconds] = [state.timeoutSeconds, state.heartbeatSeconds].map(
      (template) => template && turn.evaluateAs(scope, run, template, 'integer', isSeconds, extras),
    )
    const { resource } = state
    turn.emit(scope.id, {
      type: 'TaskScheduled',
      resource,
      parameters,
      taskToken,
      attempt: run.retryCount + 1,
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
    })
    turn.emit(scope.id, { type: 'TaskStarted', resource })
  },

  end(turn, scope, run, outcome) {
    const state = run.state as TaskState
    const { resource } = state
    if (outcome.kind === 'succeeded' && !outcome.output.isTooLarge) {
      const { output } = outcome
      turn.emit(scope.id, { type: 'TaskSucceeded', resource, output })
      turn.attempt(scope, run, () => {
        turn.exit(scope, run, state, output, { result: output.value })
      })
      return
    }
    const failure = failureOf(outcome, resource)
    const type = outcome.kind === 'timedOut' ? 'TaskTimedOut' : 'TaskFailed'
    turn.emit(scope.id, { type, resource, ...failureFields(failure) })
    turn.fail(scope, run, failure)
  },
}

const seconds = { min: 1, max: limits.seconds }

function readResource(fields: Fields): string {
  const resource = fields.requiredString('Resource')
  if (!fields.has('Resource')) return resource
  if (!/^arn:[a-z-]+:[a-z0-9-]+:[^:]*:[^:]*:.+$/.test(resource)) {
    fields.fault(`Expected an ARN, found '${resource}'`, 'Resource')
  }
  const isActivity = /^arn:[a-z-]+:states:[^:]*:[^:]*:activity:/.test(resource)
  const pattern = /\.(sync|sync:2|waitForTaskToken)$/.exec(resource)?.[1]
  if (isActivity || pattern !== undefined) {
    fields.diagnostics.add(
      'NOT_SUPPORTED',
      [...fields.place, 'Resource'],
      `${isActivity ? 'Activities are' : `The pattern .${String(pattern)} is`} not supported yet`,
    )
  }
  return resource
}

/** Roles mean nothing here; what the service refuses is refused. */
function readCredentials(fields: Fields): void {
  const credentials = fields.object('Credentials')
  if (credentials === undefined) return
  credentials.required('RoleArn')
  credentials.template('RoleArn')
  credentials.close()
}

function failureOf(outcome: TaskOutcome, resource: string): Failure {
  switch (outcome.kind) {
    case 'succeeded': {
      const service = /:::([^:]+):/.exec(resource)?.[1]
      return dataLimitExceeded(service ?? resource)
    }
    case 'failed':
      return outcome.failure
    case 'timedOut':
      return { error: errorNames.timeout, ...(outcome.isHeartbeat ? { isHeartbeat: true } : {}) }
  }
}

function isSeconds(value: Json): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= limits.seconds
}

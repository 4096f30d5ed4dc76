import { type Data, dataLimitExceeded, emptyObject, type Json } from '../data.ts'
import type { Fields } from '../definition/fields.ts'
import { readBase, readContinuation, readHandling } from '../definition/handling.ts'
import type { TaskState } from '../definition/states.ts'
import { errorNames, type Failure, failureFields } from '../errors.ts'
import type { Scope, StateRun } from '../execution.ts'
import type { NestedStart } from '../integrations/nested.ts'
import { hasTaskToken, patternOf } from '../integrations/resource.ts'
import { newTaskToken } from '../integrations/token.ts'
import { limits } from '../limits.ts'
import type { Turn } from '../turn.ts'
import type { StateType } from './type.ts'

/** How a task ended. */
export type TaskOutcome =
  | { readonly kind: 'succeeded'; readonly output: Data }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'timedOut'; readonly isHeartbeat: boolean }

/**
 * Has a handler do something. Its answer ends the task; but a task of `.waitForTaskToken` is then only
 * submitted, and ends by its token.
 */
export const taskType: StateType<TaskState> & {
  /** The handler answered or threw, or its time is over. */
  answer(turn: Turn, scope: Scope, run: StateRun, outcome: TaskOutcome): void
  /** The task is under way elsewhere; `child` is the nested execution that it waits for. */
  submit(turn: Turn, scope: Scope, run: StateRun, output: Data, child?: string): void
  /** The engine has started, or could not start, the nested execution that the task is. */
  started(turn: Turn, scope: Scope, run: StateRun, start: NestedStart): void
  /** The task could not be submitted. */
  submitFailed(turn: Turn, scope: Scope, run: StateRun, failure: Failure): void
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
      ...readBase(fields, name),
      resource: readResource(fields),
      arguments: fields.arguments(),
      timeoutSeconds,
      heartbeatSeconds,
      ...readHandling(fields),
      ...readContinuation(fields),
    }
  },

  start(turn, scope, run) {
    const state = run.state as TaskState
    const { resource } = state
    const taskToken = newTaskToken({ execution: turn.execution.id, scope: scope.id })
    const extras = hasTaskToken(resource) ? { taskToken } : {}
    const parameters =
      state.arguments === undefined
        ? turn.effectiveInput(scope, run)
        : turn.evaluate(scope, run, state.arguments, extras)
    const [timeoutSeconds, heartbeatSeconds] = [state.timeoutSeconds, state.heartbeatSeconds].map(
      (template) => template && turn.evaluateAs(scope, run, template, 'integer', isSeconds, extras),
    )
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

  answer(turn, scope, run, outcome) {
    const { resource } = run.state as TaskState
    const pattern = patternOf(resource)
    if (pattern === '.waitForTaskToken' && outcome.kind === 'succeeded') {
      taskType.submit(turn, scope, run, outcome.output)
    } else if (pattern === '.waitForTaskToken' && outcome.kind === 'failed') {
      taskType.submitFailed(turn, scope, run, outcome.failure)
    } else {
      // The handler of a job runs it to its end.
      if (pattern !== undefined && outcome.kind !== 'timedOut') {
        const output = outcome.kind === 'succeeded' ? outcome.output : emptyObject
        if (!output.isTooLarge) turn.emit(scope.id, { type: 'TaskSubmitted', resource, output })
      }
      taskType.end(turn, scope, run, outcome)
    }
  },

  submit(turn, scope, run, output, child) {
    const { resource } = run.state as TaskState
    if (output.isTooLarge) {
      taskType.submitFailed(turn, scope, run, tooLarge(resource))
      return
    }
    turn.emit(scope.id, {
      type: 'TaskSubmitted',
      resource,
      output,
      ...(child === undefined ? {} : { child }),
    })
  },

  started(turn, scope, run, start) {
    const isLater = patternOf((run.state as TaskState).resource) !== undefined
    if (start.kind === 'started') {
      const { output, child } = start
      if (isLater) taskType.submit(turn, scope, run, output, child)
      else taskType.end(turn, scope, run, { kind: 'succeeded', output })
    } else if (isLater) {
      taskType.submitFailed(turn, scope, run, start.failure)
    } else {
      taskType.end(turn, scope, run, start)
    }
  },

  submitFailed(turn, scope, run, failure) {
    const { resource } = run.state as TaskState
    turn.emit(scope.id, { type: 'TaskSubmitFailed', resource, ...failureFields(failure) })
    turn.fail(scope, run, failure)
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
    fields.fault('Value is not a valid resource ARN', 'Resource')
  }
  if (/^arn:[a-z-]+:states:[^:]*:[^:]*:activity:/.test(resource)) {
    const place = [...fields.place, 'Resource']
    fields.diagnostics.add('NOT_SUPPORTED', place, 'Activities are not supported')
  }
  return resource
}

/** Roles mean nothing here; what the service refuses is refused. */
function readCredentials(fields: Fields): void {
  const credentials = fields.object('Credentials')
  if (credentials === undefined) return
  if (!credentials.has('RoleArn') && !credentials.has('RoleArn.$')) {
    credentials.fault("The field 'RoleArn' is required but was missing")
  }
  fields.template('Credentials')
  for (const name of ['RoleArn', 'RoleArn.$']) credentials.raw(name)
  credentials.close()
}

function failureOf(outcome: TaskOutcome, resource: string): Failure {
  switch (outcome.kind) {
    case 'succeeded':
      return tooLarge(resource)
    case 'failed':
      return outcome.failure
    case 'timedOut':
      return { error: errorNames.timeout, ...(outcome.isHeartbeat ? { isHeartbeat: true } : {}) }
  }
}

function tooLarge(resource: string): Failure {
  const service = /:::([^:]+):/.exec(resource)?.[1]
  return dataLimitExceeded(service ?? resource)
}

function isSeconds(value: Json): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= limits.seconds
}

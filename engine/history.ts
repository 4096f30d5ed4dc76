import type { HistoryEvent } from './api-types.ts'
import type { Data, Json } from './data.ts'
import { parseResource } from './integrations/resource.ts'
import { isFunctionArn } from './lambda.ts'
import type { LogEvent } from './log.ts'

/** An event of the log as GetExecutionHistory shows it. */
export function historyEvent(event: LogEvent, region: string, includeData: boolean): HistoryEvent {
  const { type, details } = shownAs(event, { region, includeData })
  return {
    id: event.id ?? 0,
    previousEventId: event.previous,
    timestamp: new Date(event.time),
    type,
    ...details,
  }
}

interface View {
  readonly region: string
  readonly includeData: boolean
}

interface Shown {
  readonly type: string
  readonly details: Readonly<Record<`${string}EventDetails`, Readonly<Record<string, unknown>>>>
}

function shownAs(event: LogEvent, view: View): Shown {
  switch (event.type) {
    case 'ExecutionStarted':
      return shown(event.type, 'executionStarted', {
        ...dataFields('input', event.input, view),
        roleArn: event.roleArn,
      })
    case 'ExecutionSucceeded':
      return shown(event.type, 'executionSucceeded', dataFields('output', event.output, view))
    case 'ExecutionFailed':
      return shown(event.type, 'executionFailed', failure(event))
    case 'ExecutionAborted':
      return shown(event.type, 'executionAborted', failure(event))
    case 'ExecutionTimedOut':
      return shown(event.type, 'executionTimedOut', failure(event))
    case 'ExecutionRedriven':
      return shown(event.type, 'executionRedriven', { redriveCount: event.redriveCount })
    case 'StateEntered':
      return shown(`${event.stateType}StateEntered`, 'stateEntered', {
        name: event.name,
        ...dataFields('input', event.input, view),
      })
    case 'StateExited':
      return shown(`${event.stateType}StateExited`, 'stateExited', {
        name: event.name,
        ...dataFields('output', event.output, view),
        ...assignedFields(event.assigned, view),
      })
    case 'StateAborted':
    case 'StateSucceeded':
    case 'StateFailed':
      return { type: `${event.stateType}${event.type}`, details: {} }
    case 'ParallelStarted':
      return { type: 'ParallelStateStarted', details: {} }
    case 'MapStarted':
      return shown('MapStateStarted', 'mapStateStarted', {
        length: (event.items.value as readonly Json[]).length,
      })
    case 'DistributedMapStarted':
      return shown('MapStateStarted', 'mapStateStarted', { length: event.length })
    case 'MapRunStarted':
      return shown(event.type, 'mapRunStarted', { mapRunArn: event.mapRunArn })
    case 'MapRunRedriven':
      return shown(event.type, 'mapRunRedriven', {
        mapRunArn: event.mapRunArn,
        redriveCount: event.redriveCount,
      })
    case 'MapRunFailed':
      return shown(event.type, 'mapRunFailed', failure(event))
    case 'MapRunSucceeded':
    case 'MapRunAborted':
      return { type: event.type, details: {} }
    case 'IterationStarted':
    case 'IterationSucceeded':
    case 'IterationFailed':
    case 'IterationAborted':
      return shown(`Map${event.type}`, `map${event.type}`, { name: event.name, index: event.index })
    case 'EvaluationFailed':
      return shown(event.type, 'evaluationFailed', {
        ...failure(event),
        ...(event.location === undefined ? {} : { location: event.location }),
        state: event.state,
      })
    case 'TaskScheduled':
    case 'TaskStarted':
    case 'TaskSucceeded':
    case 'TaskFailed':
    case 'TaskTimedOut':
      return isFunctionArn(event.resource) ? lambdaEvent(event, view) : taskEvent(event, view)
    case 'TaskSubmitted':
    case 'TaskSubmitFailed':
      return taskEvent(event, view)
    case 'WaitScheduled':
    case 'RetryScheduled':
    case 'MapRunItemsRead':
    case 'MapRunUpdated':
    case 'MapRunFailing':
      throw new Error(`${event.type} is no event of the history`)
  }
}

type TaskEvent = Extract<LogEvent, { readonly resource: string }>

function taskEvent(event: TaskEvent, view: View): Shown {
  const resource = resourceFields(event.resource)
  switch (event.type) {
    case 'TaskScheduled':
      return shown(event.type, 'taskScheduled', {
        ...resource,
        region: view.region,
        ...(view.includeData ? { parameters: event.parameters.text } : {}),
        ...boundFields(event),
      })
    case 'TaskStarted':
      return shown(event.type, 'taskStarted', resource)
    case 'TaskSubmitted':
      return shown(event.type, 'taskSubmitted', {
        ...resource,
        ...dataFields('output', event.output, view),
      })
    case 'TaskSubmitFailed':
      return shown(event.type, 'taskSubmitFailed', { ...resource, ...failure(event) })
    case 'TaskSucceeded':
      return shown(event.type, 'taskSucceeded', {
        ...resource,
        ...dataFields('output', event.output, view),
      })
    case 'TaskFailed':
      return shown(event.type, 'taskFailed', { ...resource, ...failure(event) })
    case 'TaskTimedOut':
      return shown(event.type, 'taskTimedOut', { ...resource, ...failure(event) })
  }
}

/** States whose Resource is a function's own ARN have events of their own. */
function lambdaEvent(
  event: Exclude<TaskEvent, { readonly type: 'TaskSubmitted' | 'TaskSubmitFailed' }>,
  view: View,
): Shown {
  switch (event.type) {
    case 'TaskScheduled':
      return shown('LambdaFunctionScheduled', 'lambdaFunctionScheduled', {
        resource: event.resource,
        ...dataFields('input', event.parameters, view),
        ...boundFields(event),
      })
    case 'TaskStarted':
      return { type: 'LambdaFunctionStarted', details: {} }
    case 'TaskSucceeded':
      return shown(
        'LambdaFunctionSucceeded',
        'lambdaFunctionSucceeded',
        dataFields('output', event.output, view),
      )
    case 'TaskFailed':
      return shown('LambdaFunctionFailed', 'lambdaFunctionFailed', failure(event))
    case 'TaskTimedOut':
      return shown('LambdaFunctionTimedOut', 'lambdaFunctionTimedOut', failure(event))
  }
}

function shown(type: string, name: string, details: Readonly<Record<string, unknown>>): Shown {
  return { type, details: { [`${name}EventDetails`]: details } }
}

function dataFields(name: 'input' | 'output', data: Data, view: View): Record<string, unknown> {
  if (!view.includeData) return {}
  return { [name]: data.text, [`${name}Details`]: { truncated: false } }
}

function assignedFields(assigned: Data | undefined, view: View): Record<string, unknown> {
  if (assigned === undefined || !view.includeData) return {}
  const variables = Object.entries(assigned.value as Record<string, Json>).map(
    ([name, value]) => [name, JSON.stringify(value)] as const,
  )
  return {
    assignedVariables: Object.fromEntries(variables),
    assignedVariablesDetails: { truncated: false },
  }
}

/** `arn:aws:states:::lambda:invoke` is the resource `invoke` of the type `lambda`. */
function resourceFields(arn: string): { resourceType: string; resource: string } {
  const { service, action, pattern = '' } = parseResource(arn)
  return { resourceType: service, resource: `${action}${pattern}` }
}

function boundFields(event: {
  readonly timeoutSeconds?: number
  readonly heartbeatSeconds?: number
}): Record<string, number> {
  const { timeoutSeconds, heartbeatSeconds } = event
  return {
    ...(timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds }),
    ...(heartbeatSeconds === undefined ? {} : { heartbeatInSeconds: heartbeatSeconds }),
  }
}

function failure(event: { readonly error?: string; readonly cause?: string }) {
  return {
    ...(event.error === undefined ? {} : { error: event.error }),
    ...(event.cause === undefined ? {} : { cause: event.cause }),
  }
}

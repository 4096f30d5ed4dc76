import type { Json } from './data.ts'
import type { Execution, Scope, StateRun } from './execution.ts'
import type { Extras, MapItem } from './turn.ts'

/** The Context object, `$states.context`. */
export function contextOf(execution: Execution, scope: Scope, run: StateRun, extras: Extras): Json {
  const item = extras.item ?? itemOf(scope)
  return {
    Execution: {
      Id: execution.arn,
      Input: execution.input.value,
      Name: execution.name,
      RoleArn: execution.roleArn,
      StartTime: new Date(execution.startTime).toISOString(),
      RedriveCount: execution.redriveCount,
      ...(execution.redriveTime === undefined
        ? {}
        : { RedriveTime: new Date(execution.redriveTime).toISOString() }),
    },
    State: {
      Name: run.state.name,
      EnteredTime: new Date(run.enteredTime).toISOString(),
      ...('retry' in run.state ? { RetryCount: run.retryCount } : {}),
    },
    StateMachine: { Id: execution.stateMachineArn, Name: execution.stateMachineName },
    ...(item === undefined ? {} : { Map: { Item: shownItem(item) } }),
    ...(extras.taskToken === undefined ? {} : { Task: { Token: extras.taskToken } }),
  }
}

function shownItem({ index, key, value, source }: MapItem): Json {
  return {
    Index: index,
    ...(key === undefined ? {} : { Key: key }),
    Value: value,
    ...(source === undefined ? {} : { Source: source }),
  }
}

/** The item of the innermost Map that the scope is in. */
function itemOf(scope: Scope): MapItem | undefined {
  const { parent } = scope
  if (parent === undefined) return undefined
  if (parent.run.state.type !== 'Map') return itemOf(parent.scope)
  return { index: scope.index, value: parent.run.children!.items[scope.index]! }
}

import { randomUUID } from 'node:crypto'
import { Data, type Json } from '../data.ts'
import type { MapState } from '../definition/states.ts'
import { errorNames, type Failure, failureFields } from '../errors.ts'
import type { Scope, StateRun } from '../execution.ts'
import { StateFault, type Turn } from '../turn.ts'
import { mapRunArnOf } from './arns.ts'
import type { DistributedMap } from './definition.ts'
import { settingsOf } from './settings.ts'

/** The transitions of the execution that a map run belongs to; its child executions have their own. */

/** Starts the map run of a distributed Map, once its fields are evaluated. */
export function startMapRun(
  turn: Turn,
  scope: Scope,
  run: StateRun,
  distributed: DistributedMap,
  items: Json | undefined,
): void {
  const { execution } = turn
  const length = items === undefined ? 0 : countItems(items)
  turn.emit(scope.id, { type: 'DistributedMapStarted', length })
  const settings = settingsOf(turn, scope, run, distributed, items)
  turn.emit(scope.id, {
    type: 'MapRunStarted',
    name: run.state.name,
    mapRunArn: mapRunArnOf(execution, settings.label, randomUUID()),
    ...(items === undefined ? {} : { total: length }),
    settings: new Data(settings as unknown as Json),
  })
}

/** Elements of an array, members of an object. */
export function countItems(items: Json): number {
  return Array.isArray(items) ? items.length : Object.keys(items as object).length
}

/** All child executions have ended, and the results are in `result`. */
export function succeedMapRun(turn: Turn, scope: Scope, run: StateRun, result: Data): void {
  turn.attempt(scope, run, () => {
    turn.emit(scope.id, { type: 'MapRunSucceeded' })
    turn.emit(scope.id, { type: 'StateSucceeded', stateType: 'Map' })
    turn.exit(scope, run, run.state as MapState, result, { result: result.value })
  })
}

/**
 * Fails the map run, and with it the state.
 *
 * @param isLost whether a redrive has to begin anew, as when there is no complete list of items
 */
export function failMapRun(
  turn: Turn,
  scope: Scope,
  run: StateRun,
  fault: StateFault | Failure,
  isLost: boolean,
): void {
  const failure = fault instanceof StateFault ? fault.failure : fault
  turn.emit(scope.id, { type: 'MapRunFailed', isLost, ...failureFields(failure) })
  turn.attempt(scope, run, () => {
    throw fault instanceof StateFault ? fault : new StateFault(failure)
  })
}

/** Goes on with the items that were not processed, and with those whose child executions failed. */
export function redriveMapRun(turn: Turn, scope: Scope, run: StateRun): void {
  const { arn, redriveCount } = run.mapRun!
  turn.emit(scope.id, { type: 'MapRunRedriven', mapRunArn: arn, redriveCount: redriveCount + 1 })
}

export const toleranceFailure: Failure = {
  error: errorNames.exceedToleratedFailureThreshold,
  cause: 'The specified tolerated failure threshold was exceeded',
}

import { type Data, type Json, setProperty } from './data.ts'
import type { MapState, ParallelState } from './definition/states.ts'
import { type Execution, newScope, type Scope, type StateRun } from './execution.ts'
import type { LogEvent } from './log.ts'
import { applyToMapRun, newMapRun } from './map/run.ts'

/** Folds one event into the execution. Decides nothing and evaluates nothing. */
export function apply(execution: Execution, event: LogEvent): void {
  execution.lastSeq = event.seq
  if (event.id !== null) execution.lastId = event.id
  if (event.type === 'IterationStarted') {
    startIteration(execution, event)
    return
  }
  const scope = execution.scopes.get(event.scope)!
  const id = event.id ?? scope.last
  switch (event.type) {
    case 'ExecutionStarted':
      execution.input = event.input
      execution.startTime = event.time
      scope.value = event.input
      break
    case 'ExecutionSucceeded':
      execution.status = 'SUCCEEDED'
      execution.output = event.output
      execution.stopTime = event.time
      break
    case 'ExecutionFailed':
    case 'ExecutionAborted':
    case 'ExecutionTimedOut':
      execution.status = endedStatus[event.type]
      execution.error = event.error
      execution.cause = event.cause
      execution.stopTime = event.time
      scope.last = id
      break
    case 'ExecutionRedriven':
      execution.status = 'RUNNING'
      execution.error = undefined
      execution.cause = undefined
      execution.stopTime = undefined
      execution.redriveCount = event.redriveCount
      execution.redriveTime = event.time
      revive(execution, execution.root, id)
      break
    case 'StateEntered':
      scope.run = {
        state: scope.workflow.states.get(event.name)!,
        input: event.input,
        enteredId: id,
        enteredTime: event.time,
        enteredAfter: event.previous,
        retryCount: 0,
        attempts: noAttempts,
        phase: { kind: 'entered' },
        children: undefined,
        mapRun: undefined,
      }
      scope.last = id
      break
    case 'StateExited':
      forgetChildren(execution, scope.run!)
      exit(scope, event)
      scope.last = id
      break
    case 'StateAborted':
      endRun(scope.run!)
      break
    case 'ParallelStarted':
      startBranches(execution, scope, event.input, event.firstScope, id)
      scope.last = id
      break
    case 'MapStarted': {
      const items = event.items.value as readonly Json[]
      const run = scope.run!
      const { concurrency } = event
      run.children = { scopes: [], items, concurrency, length: items.length, succeeded: 0 }
      run.phase = { kind: 'children' }
      scope.last = id
      break
    }
    case 'DistributedMapStarted':
      scope.last = id
      break
    case 'MapRunStarted':
      scope.run!.mapRun = newMapRun(event)
      scope.run!.phase = { kind: 'mapRun' }
      scope.last = id
      break
    case 'MapRunItemsRead':
    case 'MapRunUpdated':
    case 'MapRunFailing':
    case 'MapRunSucceeded':
    case 'MapRunFailed':
    case 'MapRunAborted':
    case 'MapRunRedriven':
      applyToMapRun(scope.run!.mapRun!, event)
      scope.run!.phase = {
        kind: scope.run!.mapRun!.status === 'RUNNING' ? 'mapRun' : 'mapRunEnded',
      }
      scope.last = id
      break
    case 'StateSucceeded':
      break
    case 'StateFailed':
      endRun(scope.run!)
      scope.last = id
      break
    case 'IterationSucceeded':
      scope.parent!.scope.last = id
      execution.scopes.delete(scope.id)
      break
    case 'IterationFailed':
    case 'IterationAborted':
      scope.status = 'unsuccessful'
      break
    case 'TaskScheduled': {
      const { parameters, taskToken, attempt, timeoutSeconds, heartbeatSeconds } = event
      scope.run!.phase = {
        kind: 'task',
        parameters,
        taskToken,
        attempt,
        since: event.time,
        ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
        ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
      }
      scope.last = id
      break
    }
    case 'TaskStarted':
      scope.last = id
      break
    case 'TaskSubmitted':
      submit(scope.run!, event.child)
      scope.last = id
      break
    case 'TaskSucceeded':
    case 'TaskSubmitFailed':
    case 'TaskFailed':
    case 'TaskTimedOut':
    case 'EvaluationFailed':
      scope.run!.phase = { kind: 'ended' }
      scope.last = id
      break
    case 'WaitScheduled':
      scope.run!.phase = { kind: 'waiting', until: event.until }
      break
    case 'RetryScheduled': {
      const run = scope.run!
      endRun(run)
      forgetChildren(execution, run)
      run.mapRun = undefined
      run.phase = { kind: 'retrying', at: event.at }
      run.retryCount++
      run.attempts = new Map(run.attempts).set(
        event.retrier,
        (run.attempts.get(event.retrier) ?? 0) + 1,
      )
      scope.last = event.previous
      break
    }
  }
}

const noAttempts: ReadonlyMap<number, number> = new Map()

const endedStatus = {
  ExecutionFailed: 'FAILED',
  ExecutionAborted: 'ABORTED',
  ExecutionTimedOut: 'TIMED_OUT',
} as const

function exit(scope: Scope, event: LogEvent & { type: 'StateExited' }): void {
  scope.run = undefined
  scope.value = event.output
  if (event.assigned !== undefined) {
    for (const [name, value] of Object.entries(event.assigned.value as Record<string, Json>)) {
      setProperty(scope.variables, name, value)
    }
  }
  if (event.next !== undefined) {
    scope.next = event.next
    return
  }
  scope.status = 'succeeded'
  scope.variables = {}
  if (scope.parent === undefined) return
  scope.parent.run.children!.succeeded++
  // An iteration's own event says the same; branches have none.
  if (scope.parent.run.state.type === 'Parallel') scope.parent.scope.last = event.id!
}

function startBranches(
  execution: Execution,
  scope: Scope,
  input: Data,
  firstScope: number,
  id: number,
): void {
  const run = scope.run!
  const { branches } = run.state as ParallelState
  const scopes = branches.map((branch, i) =>
    newScope(firstScope + i, branch, { scope, run }, i, input, id),
  )
  for (const branch of scopes) addScope(execution, branch)
  const { length } = scopes
  run.children = { scopes, items: [], concurrency: length, length, succeeded: 0 }
  run.phase = { kind: 'children' }
}

function startIteration(
  execution: Execution,
  event: LogEvent & { type: 'IterationStarted' },
): void {
  const parent = execution.scopes.get(event.parent)!
  const run = parent.run!
  const { itemProcessor } = run.state as MapState
  const scope = newScope(
    event.scope,
    itemProcessor,
    { scope: parent, run },
    event.index,
    event.input,
    event.id!,
  )
  addScope(execution, scope)
  run.children!.scopes.push(scope)
}

function submit(run: StateRun, child: string | undefined): void {
  if (run.phase.kind !== 'task') return
  const { taskToken, since, timeoutSeconds, heartbeatSeconds } = run.phase
  run.phase = {
    kind: 'submitted',
    taskToken,
    since,
    ...(child === undefined ? {} : { child }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(heartbeatSeconds === undefined ? {} : { heartbeatSeconds }),
  }
}

function addScope(execution: Execution, scope: Scope): void {
  execution.scopes.set(scope.id, scope)
  execution.nextScope = Math.max(execution.nextScope, scope.id + 1)
}

/** What ran within a state that goes on or begins again is of no more use. */
function forgetChildren(execution: Execution, run: StateRun): void {
  for (const child of run.children?.scopes ?? []) {
    execution.scopes.delete(child.id)
    if (child.run !== undefined) forgetChildren(execution, child.run)
  }
  run.children = undefined
}

function endRun(run: StateRun): void {
  run.phase = { kind: 'ended' }
  for (const child of run.children?.scopes ?? []) {
    if (child.status !== 'running') continue
    child.status = 'unsuccessful'
    if (child.run !== undefined) endRun(child.run)
  }
}

/** What did not succeed goes on; what did keeps its output. */
function revive(execution: Execution, scope: Scope, id: number): void {
  scope.status = 'running'
  scope.last = id
  const { run } = scope
  if (run === undefined) return
  run.retryCount = 0
  run.attempts = noAttempts
  const { children, mapRun } = run
  if (mapRun !== undefined && !mapRun.isLost) {
    run.phase = { kind: 'mapRunEnded' }
    return
  }
  const failedChildren = children?.scopes.filter((child) => child.status !== 'succeeded') ?? []
  const isUnfinished = children !== undefined && children.succeeded < children.length
  if (isUnfinished) {
    run.phase = { kind: 'children' }
    for (const child of failedChildren) revive(execution, child, id)
  } else {
    // Also a state whose branches all succeeded, but whose result was too large: all of it again.
    forgetChildren(execution, run)
    run.mapRun = undefined
    run.phase = { kind: 'entered' }
  }
}

import { Data, dataLimitExceeded, type Json } from '../data.ts'
import type { Fields } from '../definition/fields.ts'
import { readContinuation, readHandling } from '../definition/handling.ts'
import type { MapState, Workflow } from '../definition/states.ts'
import type { Scope, StateRun } from '../execution.ts'
import { limits } from '../limits.ts'
import { StateFault, type Turn } from '../turn.ts'
import type { CompositeType } from './type.ts'

const distributedFields = ['ItemReader', 'ItemBatcher', 'ResultWriter', 'Label']

/**
 * Runs its processor for each item, `MaxConcurrency` (at most 40) at once; its result has the output of
 * each, in their order. Only inline Maps for now, for which the service tolerates no failure whatever
 * the ToleratedFailure fields say.
 */
export const mapType: CompositeType<MapState> = {
  read(fields, name, readWorkflow) {
    for (const field of distributedFields) {
      if (fields.raw(field) !== undefined) {
        notSupported(fields, `${field}, of distributed Maps, is not supported yet`, field)
      }
    }
    return {
      type: 'Map',
      name,
      items: readItems(fields),
      itemSelector: fields.template('ItemSelector'),
      itemProcessor: readItemProcessor(fields, readWorkflow),
      maxConcurrency: fields.numberTemplate('MaxConcurrency', wholeNumber),
      toleratedFailureCount: fields.numberTemplate('ToleratedFailureCount', wholeNumber),
      toleratedFailurePercentage: fields.numberTemplate('ToleratedFailurePercentage', percentage),
      ...readHandling(fields),
      ...readContinuation(fields),
    }
  },

  start(turn, scope, run) {
    const state = run.state as MapState
    const items = itemsOf(turn, scope, run)
    const concurrency =
      state.maxConcurrency === undefined
        ? 0
        : turn.evaluateAs(scope, run, state.maxConcurrency, 'integer', isWholeNumber)
    if (state.toleratedFailureCount !== undefined) {
      turn.evaluateAs(scope, run, state.toleratedFailureCount, 'integer', isWholeNumber)
    }
    if (state.toleratedFailurePercentage !== undefined) {
      turn.evaluateAs(scope, run, state.toleratedFailurePercentage, 'number', isPercentage)
    }
    turn.emit(scope.id, {
      type: 'MapStarted',
      items,
      concurrency: Math.min(concurrency || Infinity, limits.mapConcurrency),
    })
    startIterations(turn, scope, run, scope.last)
    endIfDone(turn, scope, run)
  },

  proceed(turn, scope, run) {
    startIterations(turn, scope, run, scope.last)
    endIfDone(turn, scope, run)
  },

  childSucceeded(turn, scope, run, iteration) {
    const { name } = run.state
    turn.emit(iteration.id, { type: 'IterationSucceeded', name, index: iteration.index })
    startIterations(turn, scope, run, iteration.last)
    endIfDone(turn, scope, run)
  },

  childFailed(turn, scope, run, iteration, failure) {
    const { name } = run.state
    turn.emit(iteration.id, { type: 'IterationFailed', name, index: iteration.index })
    turn.fail(scope, run, failure, iteration.last)
  },
}

const wholeNumber = { min: 0, max: limits.seconds }
const percentage = { min: 0, max: 100, integer: false }

function readItems(fields: Fields) {
  const raw = fields.raw('Items')
  const items = fields.template('Items')
  if (items?.constant !== undefined && !Array.isArray(raw)) {
    fields.fault('Expected an array or a JSONata expression', 'Items')
  }
  return items
}

function readItemProcessor(fields: Fields, readWorkflow: (fields: Fields) => Workflow): Workflow {
  fields.required('ItemProcessor')
  const processor = fields.object('ItemProcessor')
  if (processor === undefined) return { startAt: '', states: new Map() }
  const config = processor.object('ProcessorConfig')
  const mode = config?.string('Mode') ?? 'INLINE'
  if (mode === 'DISTRIBUTED') {
    notSupported(processor, 'Distributed Maps are not supported yet', 'ProcessorConfig', 'Mode')
    config?.string('ExecutionType')
  } else if (mode !== 'INLINE') {
    config?.fault(`Expected INLINE or DISTRIBUTED, found '${mode}'`, 'Mode')
  }
  config?.close()
  processor.string('Comment')
  const workflow = readWorkflow(processor)
  processor.close()
  return workflow
}

function notSupported(fields: Fields, message: string, ...below: string[]): void {
  fields.diagnostics.add('NOT_SUPPORTED', [...fields.place, ...below], message)
}

function itemsOf(turn: Turn, scope: Scope, run: StateRun): Data {
  const { items } = run.state as MapState
  if (items !== undefined) {
    return new Data(turn.evaluateAs(scope, run, items, 'array', isArray))
  }
  if (isArray(run.input.value)) return run.input
  throw turn.evaluationFault(
    run,
    'Items',
    `Map state input must be an array but was: ${run.input.text}`,
  )
}

/** Starts as many more iterations as may run at once. */
function startIterations(turn: Turn, scope: Scope, run: StateRun, previous: number): void {
  const children = run.children!
  const { itemSelector, name } = run.state as MapState
  while (
    children.scopes.length < children.length &&
    children.scopes.length - children.succeeded < children.concurrency
  ) {
    const index = children.scopes.length
    const value = children.items[index]!
    const input =
      itemSelector === undefined
        ? new Data(value)
        : turn.evaluate(scope, run, itemSelector, { item: { index, value } })
    turn.emit(
      turn.execution.scopes.size,
      { type: 'IterationStarted', name, index, parent: scope.id, input },
      previous,
    )
  }
}

function endIfDone(turn: Turn, scope: Scope, run: StateRun): void {
  const children = run.children!
  if (children.succeeded < children.length) return
  const result = new Data(children.scopes.map((iteration) => iteration.value.value))
  if (result.isTooLarge) throw new StateFault(dataLimitExceeded(run.state.name))
  turn.emit(scope.id, { type: 'StateSucceeded', stateType: 'Map' })
  turn.exit(scope, run, run.state as MapState, result, { result: result.value })
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isWholeNumber(value: Json): value is number {
  return Number.isInteger(value) && (value as number) >= 0
}

function isPercentage(value: Json): value is number {
  return typeof value === 'number' && value >= 0 && value <= 100
}

import { Data, dataLimitExceeded, isObject, type Json } from '../data.ts'
import { checkExpress } from '../definition/express.ts'
import type { Fields } from '../definition/fields.ts'
import { readBase, readContinuation, readHandling } from '../definition/handling.ts'
import type { MapState, Workflow } from '../definition/states.ts'
import type { Scope, StateRun } from '../execution.ts'
import { PathTemplate } from '../jsonpath/template.ts'
import { limits } from '../limits.ts'
import { type DistributedMap, readDistributed } from '../map/definition.ts'
import { concurrencyOf, toleranceOf, Values } from '../map/settings.ts'
import { startMapRun } from '../map/transitions.ts'
import type { Template } from '../template.ts'
import { StateFault, type Turn } from '../turn.ts'
import type { CompositeType } from './type.ts'

/**
 * Runs its processor for each item; its result has the output of each, in their order. An inline Map
 * runs it within the execution, `MaxConcurrency` (at most 40) at once, and tolerates no failure
 * whatever the ToleratedFailure fields say, as the service does. A distributed Map starts a map run
 * (engine/map).
 */
export const mapType: CompositeType<MapState> = {
  read(fields, name, readWorkflow) {
    const items = readItems(fields)
    const itemSelector = readItemSelector(fields)
    const { itemProcessor, distributed } = readItemProcessor(fields, readWorkflow)
    return {
      type: 'Map',
      ...readBase(fields, name),
      items,
      itemSelector,
      itemProcessor,
      distributed,
      maxConcurrency: fields.numberTemplate('MaxConcurrency', wholeNumber),
      toleratedFailureCount: fields.numberTemplate('ToleratedFailureCount', wholeNumber),
      toleratedFailurePercentage: fields.numberTemplate('ToleratedFailurePercentage', percentage),
      ...readHandling(fields),
      ...readContinuation(fields),
    }
  },

  start(turn, scope, run) {
    const state = run.state as MapState
    const { distributed } = state
    if (distributed !== undefined) {
      const items = distributed.reader === undefined ? itemsOf(turn, scope, run).value : undefined
      startMapRun(turn, scope, run, distributed, items)
      return
    }
    const items = itemsOf(turn, scope, run)
    const values = new Values(turn, scope, run)
    const concurrency = concurrencyOf(values, state)
    toleranceOf(values, state)
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

function readItems(fields: Fields): Template | undefined {
  if (fields.language === 'JSONPath') return fields.path('ItemsPath')
  const items = fields.template('Items')
  const { constant } = items ?? {}
  if (constant !== undefined && !isArray(constant) && !isObject(constant)) {
    fields.fault('Expected an array, an object or a JSONata expression', 'Items')
  }
  return items
}

/** ItemSelector, or Parameters, as it was called before. */
function readItemSelector(fields: Fields): Template | undefined {
  const selector = fields.template('ItemSelector')
  if (fields.language === 'JSONata') return selector
  const parameters = fields.template('Parameters')
  if (selector !== undefined && parameters !== undefined) {
    fields.fault(`Only one of the fields 'ItemSelector' and 'Parameters' can be set`)
  }
  return selector ?? parameters
}

/** ItemProcessor, or Iterator, as it was called before. */
function readItemProcessor(
  fields: Fields,
  readWorkflow: (fields: Fields) => Workflow,
): { itemProcessor: Workflow; distributed: DistributedMap | undefined } {
  const legacy = fields.object('Iterator')
  if (legacy !== undefined && fields.has('ItemProcessor')) {
    fields.fault(`Only one of the fields 'ItemProcessor' and 'Iterator' can be set`)
  }
  if (legacy === undefined) fields.required('ItemProcessor')
  const processor = fields.object('ItemProcessor') ?? legacy
  const distributed = readDistributed(fields, processor?.object('ProcessorConfig'))
  if (processor === undefined) {
    return { itemProcessor: { startAt: '', states: new Map() }, distributed }
  }
  processor.string('Comment')
  const itemProcessor = readWorkflow(processor)
  processor.close()
  if (distributed?.executionType === 'EXPRESS') {
    checkExpress(itemProcessor, fields.diagnostics, processor.place)
  }
  return { itemProcessor, distributed }
}

/** What to iterate over: an array; for a distributed Map also the members of an object. */
function itemsOf(turn: Turn, scope: Scope, run: StateRun): Data {
  const { items, distributed, language } = run.state as MapState
  const takesObject = distributed !== undefined
  const isValid = (value: Json): value is readonly Json[] | { readonly [name: string]: Json } =>
    isArray(value) || (takesObject && isObject(value))
  if (language === 'JSONata' && items !== undefined) {
    return new Data(turn.evaluateAs(scope, run, items, 'array', isValid))
  }
  const input = turn.effectiveInput(scope, run)
  const found = items === undefined ? input : turn.evaluate(scope, run, items)
  if (isValid(found.value)) return found
  if (language === 'JSONata') {
    const cause = `Map state input must be an array but was: ${found.text}`
    throw turn.evaluationFault(run, 'Items', cause)
  }
  const path = items instanceof PathTemplate ? items.source : '$'
  throw turn.evaluationFault(run, 'ItemsPath', `Reference path "${path}" must point to array.`)
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
      turn.execution.nextScope,
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

import { createHash } from 'node:crypto'
import type { Json } from '../data.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import { limits } from '../limits.ts'
import { stateTypes } from '../states/index.ts'
import { Diagnostics } from './diagnostics.ts'
import { Fields } from './fields.ts'
import type { State, StateMachine, Workflow } from './states.ts'

/** Names a definition: the same text, the same digest. */
export function digestOf(definition: string): string {
  return createHash('sha256').update(definition).digest('hex')
}

/**
 * Reads a definition, with every expression in it parsed.
 *
 * @throws InvalidDefinition with all its faults, each with its place
 */
export function readDefinition(definition: string, host: ExpressionHost): StateMachine {
  const diagnostics = new Diagnostics()
  if (Buffer.byteLength(definition) > limits.definitionBytes) {
    diagnostics.add(
      'SCHEMA_VALIDATION_FAILED',
      [],
      `The definition has more than ${limits.definitionBytes} bytes`,
    )
    diagnostics.throwIfAny()
  }
  const fields = new Fields(parse(definition, diagnostics), [], host, diagnostics)
  diagnostics.throwIfAny()
  readQueryLanguage(fields)
  diagnostics.throwIfAny()
  fields.string('Comment')
  fields.string('Version')
  const timeoutSeconds = fields.number('TimeoutSeconds', { min: 1, max: limits.seconds })
  const workflow = new WorkflowReader().read(fields)
  fields.close()
  diagnostics.throwIfAny()
  return { ...workflow, timeoutSeconds }
}

function parse(definition: string, diagnostics: Diagnostics): Json | undefined {
  try {
    return JSON.parse(definition) as Json
  } catch (error) {
    diagnostics.add('INVALID_JSON_DESCRIPTION', [], (error as Error).message)
    diagnostics.throwIfAny()
    return undefined
  }
}

function readQueryLanguage(fields: Fields): void {
  const language = fields.string('QueryLanguage')
  if (language === 'JSONata') return
  const found = language === undefined || language === 'JSONPath'
  fields.diagnostics.add(
    found ? 'NOT_SUPPORTED' : 'SCHEMA_VALIDATION_FAILED',
    found ? [] : ['QueryLanguage'],
    found
      ? `JSONPath (the language's default) is not supported yet: set "QueryLanguage": "JSONata" at the top`
      : `'QueryLanguage' is JSONata; found '${language}'`,
  )
}

/** Reads the workflows of one definition, whose state names are unique over all of them. */
class WorkflowReader {
  readonly #names = new Set<string>()

  read(fields: Fields): Workflow {
    const startAt = fields.requiredString('StartAt')
    fields.required('States')
    const states = new Map<string, State>()
    const stateFields = fields.object('States')
    for (const name of stateFields?.names() ?? []) {
      const below = stateFields?.object(name)
      if (below === undefined) continue
      this.#readName(below, name)
      const state = this.#readState(below, name)
      if (state !== undefined) states.set(name, state)
    }
    if (stateFields?.names().length === 0) stateFields.fault('Expected at least 1 state')
    else if (stateFields !== undefined) checkTransitions(fields, stateFields, startAt, states)
    return { startAt, states }
  }

  #readName(fields: Fields, name: string): void {
    if (name.length < 1 || name.length > limits.nameLength) {
      fields.fault(`A state name has 1 to ${limits.nameLength} characters`)
    }
    if (this.#names.has(name)) {
      fields.diagnostics.add(
        'DUPLICATE_STATE_NAME',
        fields.place,
        `Another state is named '${name}'`,
      )
    }
    this.#names.add(name)
  }

  #readState(fields: Fields, name: string): State | undefined {
    const type = fields.requiredString('Type')
    if (!fields.has('Type')) return undefined
    if (!Object.hasOwn(stateTypes, type)) {
      const known = Object.keys(stateTypes).join(', ')
      fields.fault(`Expected a state type (${known}), found '${type}'`, 'Type')
      return undefined
    }
    fields.string('Comment')
    const language = fields.string('QueryLanguage')
    if (language !== undefined && language !== 'JSONata') {
      fields.fault(
        `'QueryLanguage' can not be '${language}' if set to 'JSONata' for whole state machine`,
        'QueryLanguage',
      )
    }
    const state = stateTypes[type as keyof typeof stateTypes].read(fields, name, (below) =>
      this.read(below),
    )
    fields.close()
    return state
  }
}

function checkTransitions(
  fields: Fields,
  stateFields: Fields,
  startAt: string,
  states: ReadonlyMap<string, State>,
): void {
  const isState = (name: string) => stateFields.has(name)
  const missing = (target: string, place: readonly string[]) => {
    fields.diagnostics.add('MISSING_TRANSITION_TARGET', place, `There is no state '${target}'`)
  }
  if (fields.has('StartAt') && !isState(startAt)) missing(startAt, [...fields.place, 'StartAt'])
  for (const [name, state] of states) {
    for (const { target, place } of transitionsOf(state)) {
      if (!isState(target)) missing(target, [...stateFields.place, name, ...place])
    }
  }
  if (!isState(startAt)) return
  const reached = new Set([startAt])
  for (const name of reached) {
    const state = states.get(name)
    if (state === undefined) continue
    for (const { target } of transitionsOf(state)) reached.add(target)
  }
  for (const name of states.keys()) {
    if (!reached.has(name)) {
      fields.diagnostics.add(
        'MISSING_TRANSITION_TARGET',
        [...stateFields.place, name],
        `State '${name}' is not reachable`,
      )
    }
  }
}

function transitionsOf(state: State): { target: string; place: string[] }[] {
  const found: { target: string; place: string[] }[] = []
  const add = (target: string | undefined, ...place: string[]) => {
    if (target !== undefined) found.push({ target, place })
  }
  if ('next' in state) add(state.next, 'Next')
  if ('catch' in state)
    state.catch.forEach((c, i) => {
      add(c.next, 'Catch', String(i), 'Next')
    })
  if (state.type === 'Choice') {
    state.choices.forEach((choice, i) => {
      add(choice.next, 'Choices', String(i), 'Next')
    })
    add(state.otherwise?.next, 'Default')
  }
  return found
}

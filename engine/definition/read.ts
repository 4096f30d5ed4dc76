import { createHash } from 'node:crypto'
import { isObject, type Json } from '../data.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'
import { limits } from '../limits.ts'
import { stateTypes } from '../states/index.ts'
import { Diagnostics, type Place } from './diagnostics.ts'
import { Fields } from './fields.ts'
import type { QueryLanguage, State, StateMachine, Workflow } from './states.ts'

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
  const source = parse(definition, diagnostics)
  const language =
    isObject(source) && 'QueryLanguage' in source ? source['QueryLanguage'] : undefined
  const fields = new Fields(source, [], languageOf(language, 'JSONPath'), host, diagnostics)
  readQueryLanguage(fields)
  fields.string('Comment')
  fields.string('Version')
  const timeoutSeconds = fields.number('TimeoutSeconds', { min: 1, max: limits.seconds })
  const workflow = new WorkflowReader(fields.language).read(fields)
  fields.close()
  diagnostics.throwIfAny()
  return { ...workflow, timeoutSeconds }
}

function parse(definition: string, diagnostics: Diagnostics): Json | undefined {
  let source: Json | undefined
  try {
    if (definition.trim() !== '') {
      checkDepth(definition)
      source = JSON.parse(definition) as Json
    }
  } catch (error) {
    diagnostics.add('INVALID_JSON_DESCRIPTION', [], (error as Error).message)
  }
  if (diagnostics.found.length === 0 && !isObject(source)) {
    diagnostics.add('SCHEMA_VALIDATION_FAILED', [], 'Definition must be a valid JSON object')
  }
  diagnostics.throwIfAny()
  return source
}

/** Arrays and objects within each other that are taken. */
const maximumDepth = 1000

/** Throws SyntaxError for a text nested so deep that reading it could exhaust the stack. */
function checkDepth(text: string): void {
  let depth = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (isInString) {
      if (character === '\\') i++
      else if (character === '"') isInString = false
    } else if (character === '"') {
      isInString = true
    } else if (character === '{' || character === '[') {
      if (++depth > maximumDepth) {
        throw new SyntaxError(`The definition is nested deeper than ${maximumDepth} levels`)
      }
    } else if (character === '}' || character === ']') {
      depth--
    }
  }
}

/** As the service reads it: only `"JSONPath"` is JSONPath, whatever else there is is JSONata. */
function languageOf(declared: unknown, otherwise: QueryLanguage): QueryLanguage {
  if (declared === undefined) return otherwise
  return declared === 'JSONPath' ? 'JSONPath' : 'JSONata'
}

function readQueryLanguage(fields: Fields): void {
  const language = fields.string('QueryLanguage')
  if (language !== undefined && language !== 'JSONPath' && language !== 'JSONata') {
    fields.fault('Value should be one of the following: [JSONPath, JSONata]', 'QueryLanguage')
  }
}

/** Reads the workflows of one definition, whose state names are unique over all of them. */
class WorkflowReader {
  readonly #language: QueryLanguage
  readonly #names = new Set<string>()

  /** @param language of the states that name none, also of those within a state that names one */
  constructor(language: QueryLanguage) {
    this.#language = language
  }

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
      fields.diagnostics.add('DUPLICATE_STATE_NAME', fields.place, `Duplicate State name: ${name}`)
    }
    this.#names.add(name)
  }

  #readState(below: Fields, name: string): State | undefined {
    readQueryLanguage(below)
    const fields = below.in(languageOf(below.raw('QueryLanguage'), this.#language))
    const type = fields.requiredString('Type')
    if (!fields.has('Type')) return undefined
    if (!Object.hasOwn(stateTypes, type)) {
      const known = Object.keys(stateTypes).join(', ')
      fields.fault(`Value should be one of the following: [${known}]`, 'Type')
      return undefined
    }
    if (fields.language === 'JSONPath' && this.#language === 'JSONata') {
      fields.fault(
        `'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine`,
      )
      return undefined
    }
    fields.string('Comment')
    const state = stateTypes[type as keyof typeof stateTypes].read(fields, name, (inner) =>
      this.read(inner),
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
  const missing = (target: string, field: string, place: Place) => {
    fields.diagnostics.add(
      'MISSING_TRANSITION_TARGET',
      place,
      `Missing '${field}' target: ${target}`,
    )
  }
  if (fields.has('StartAt') && !isState(startAt)) {
    missing(startAt, 'StartAt', [...fields.place, 'StartAt'])
  }
  for (const [name, state] of states) {
    for (const { target, place } of transitionsOf(state)) {
      if (isState(target)) continue
      missing(target, String(place.at(-1)), [...stateFields.place, name, ...place])
    }
  }
  if (!isState(startAt)) return
  checkReach(fields, stateFields, startAt, states)
}

/** Every state is to be reached, and from the start some state that ends the workflow. */
function checkReach(
  fields: Fields,
  stateFields: Fields,
  startAt: string,
  states: ReadonlyMap<string, State>,
): void {
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
        `State "${name}" is not reachable.`,
      )
    }
  }
  const isEnd = (name: string) => {
    const state = states.get(name)
    return state === undefined || isTerminal(state)
  }
  // Where something else is wrong, what the states are meant to do is not known.
  if (fields.diagnostics.found.length === 0 && ![...reached].some(isEnd)) {
    fields.diagnostics.add('MISSING_END_STATE', fields.place, 'No state ends the workflow')
  }
}

function isTerminal(state: State): boolean {
  if (state.type === 'Fail') return true
  return state.type !== 'Choice' && state.next === undefined
}

function transitionsOf(state: State): { target: string; place: Place }[] {
  const found: { target: string; place: Place }[] = []
  const add = (target: string | undefined, ...place: (string | number)[]) => {
    if (target !== undefined) found.push({ target, place })
  }
  if ('next' in state) add(state.next, 'Next')
  if ('catch' in state)
    state.catch.forEach((c, i) => {
      add(c.next, 'Catch', i, 'Next')
    })
  if (state.type === 'Choice') {
    state.choices.forEach((choice, i) => {
      add(choice.next, 'Choices', i, 'Next')
    })
    add(state.otherwise?.next, 'Default')
  }
  return found
}

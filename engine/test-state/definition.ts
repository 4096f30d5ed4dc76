import { isObject, type Json, setProperty } from '../data.ts'
import { readDefinition } from '../definition/read.ts'
import type { State, Workflow } from '../definition/states.ts'
import { EngineError } from '../errors.ts'
import type { ExpressionHost } from '../jsonata/functions.ts'

/** A state, and the workflow that it is in. */
export interface StateUnderTest {
  readonly state: State
  readonly workflow: Workflow
}

/** The name that a state has whose definition stands alone. */
const nameless = 'StateName'

/**
 * The state `stateName` of a state machine, also one within a Map or Parallel; without a name, the
 * definition is the state's own.
 *
 * @throws InvalidDefinition, ValidationException
 */
export function findState(
  definition: unknown,
  stateName: string | undefined,
  host: ExpressionHost,
): StateUnderTest {
  if (typeof definition !== 'string') {
    throw new EngineError('InvalidDefinition', 'the definition is JSON text')
  }
  if (stateName === undefined) {
    const workflow = readDefinition(machineOf(definition), host)
    return { workflow, state: workflow.states.get(nameless)! }
  }
  const found = find(readDefinition(definition, host), stateName)
  if (found !== undefined) return found
  throw new EngineError('ValidationException', 'State not found in definition')
}

function find(workflow: Workflow, name: string): StateUnderTest | undefined {
  const state = workflow.states.get(name)
  if (state !== undefined) return { state, workflow }
  for (const outer of workflow.states.values()) {
    const below =
      outer.type === 'Map' ? [outer.itemProcessor] : outer.type === 'Parallel' ? outer.branches : []
    for (const inner of below) {
      const found = find(inner, name)
      if (found !== undefined) return found
    }
  }
  return undefined
}

/** A state machine of one state; where it goes on, there are states that end. */
function machineOf(definition: string): string {
  let state: Json
  try {
    state = JSON.parse(definition) as Json
  } catch {
    // Reading it says what is wrong.
    return definition
  }
  if (!isObject(state)) return definition
  const states: Record<string, Json> = {}
  for (const target of targetsOf(state)) {
    if (target !== nameless) setProperty(states, target, { Type: 'Succeed' })
  }
  states[nameless] = state
  const language = state['QueryLanguage']
  return JSON.stringify({
    StartAt: nameless,
    ...(language === undefined ? {} : { QueryLanguage: language }),
    States: states,
  })
}

function targetsOf(state: Readonly<Record<string, unknown>>): string[] {
  const lists = [state['Choices'], state['Catch']].flatMap((list) =>
    Array.isArray(list) ? (list as unknown[]) : [],
  )
  const nexts = lists.map((item) => (isObject(item) ? item['Next'] : undefined))
  return [state['Next'], state['Default'], ...nexts].filter((name) => typeof name === 'string')
}

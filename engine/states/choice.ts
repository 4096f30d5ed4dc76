import type { Json } from '../data.ts'
import type { ChoiceState, Continuation } from '../definition/states.ts'
import type { Fields } from '../definition/fields.ts'
import { errorNames } from '../errors.ts'
import { expressionIn } from '../jsonata/expression.ts'
import { causeIn, StateFault } from '../turn.ts'
import type { StateType } from './type.ts'

/** Goes where the first condition that holds says. */
export const choiceType: StateType<ChoiceState> = {
  read(fields, name) {
    const output = fields.template('Output')
    const assign = fields.assign()
    fields.required('Choices')
    const choices = fields.objects('Choices', 1).map(readChoice)
    const next = fields.string('Default')
    const otherwise = next === undefined ? undefined : { output, assign, next }
    return { type: 'Choice', name, choices: choices.filter(isDefined), otherwise }
  },

  start(turn, scope, run) {
    const state = run.state as ChoiceState
    const holds = (choice: ChoiceState['choices'][number]) =>
      turn.evaluateAs(scope, run, choice.condition, 'boolean', isBoolean)
    const way: Continuation | undefined = state.choices.find(holds) ?? state.otherwise
    if (way === undefined) {
      throw new StateFault({
        error: errorNames.noChoiceMatched,
        cause: causeIn(run, 'No choice matched and no default transition found.'),
      })
    }
    turn.exit(scope, run, way, run.input)
  },
}

function readChoice(fields: Fields, index: number): ChoiceState['choices'][number] | undefined {
  fields.required('Condition')
  const raw = fields.raw('Condition')
  const isValid =
    raw === undefined ||
    typeof raw === 'boolean' ||
    (typeof raw === 'string' && expressionIn(raw) !== undefined)
  if (!isValid) fields.fault('Expected a JSONata expression or a boolean', 'Condition')
  const condition = fields.template('Condition', `Choices[${index}]/Condition`)
  const next = fields.requiredString('Next')
  const output = fields.template('Output', `Choices[${index}]/Output`)
  const assign = fields.assign(`Choices[${index}]/Assign`)
  fields.string('Comment')
  fields.close()
  return condition && { condition, next, output, assign }
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined
}

function isBoolean(value: Json): value is boolean {
  return typeof value === 'boolean'
}

import type { Json } from '../data.ts'
import type { Fields } from '../definition/fields.ts'
import { readBase, readOutput } from '../definition/handling.ts'
import type { ChoiceState, Continuation } from '../definition/states.ts'
import { errorNames } from '../errors.ts'
import { expressionIn } from '../jsonata/expression.ts'
import { readChoiceRule } from '../jsonpath/choice-rule.ts'
import type { Template } from '../template.ts'
import { causeIn, StateFault } from '../turn.ts'
import type { StateType } from './type.ts'

/** Goes where the first condition that holds says. */
export const choiceType: StateType<ChoiceState> = {
  read(fields, name) {
    const base = readBase(fields, name)
    const result = readOutput(fields)
    const assign = fields.assign()
    fields.required('Choices')
    const choices = fields.objects('Choices', 1).map((choice, i) => readChoice(choice, i, result))
    const next = fields.string('Default')
    const otherwise = next === undefined ? undefined : { ...result, assign, next }
    return { type: 'Choice', ...base, choices: choices.filter(isDefined), otherwise }
  },

  start(turn, scope, run) {
    const state = run.state as ChoiceState
    const holds = (choice: ChoiceState['choices'][number]) =>
      turn.evaluateAs(scope, run, choice.condition, 'boolean', isBoolean)
    const way: Continuation | undefined = state.choices.find(holds) ?? state.otherwise
    if (way === undefined) {
      // As the service fails it; its documentation has the name States.NoChoiceMatched.
      throw new StateFault({
        error: errorNames.runtime,
        cause: causeIn(
          run,
          'Failed to transition out of the state. The state does not point to a next state.',
        ),
      })
    }
    turn.exit(scope, run, way, turn.effectiveInput(scope, run))
  },
}

function readChoice(
  fields: Fields,
  index: number,
  result: Pick<Continuation, 'output' | 'outputPath'>,
): ChoiceState['choices'][number] | undefined {
  const isJsonata = fields.language === 'JSONata'
  const condition = isJsonata ? readCondition(fields, index) : readChoiceRule(fields)
  fields.required('Next')
  const next = fields.string('Next') ?? ''
  const output = isJsonata
    ? { output: fields.template('Output', `Choices[${index}]/Output`) }
    : result
  const assign = fields.assign(`Choices[${index}]/Assign`)
  fields.string('Comment')
  fields.close()
  return condition && { condition, next, ...output, assign }
}

function readCondition(fields: Fields, index: number): Template | undefined {
  fields.required('Condition')
  const raw = fields.raw('Condition')
  const isValid =
    raw === undefined ||
    typeof raw === 'boolean' ||
    (typeof raw === 'string' && expressionIn(raw) !== undefined)
  if (!isValid) fields.fault('Expected a JSONata expression or a boolean', 'Condition')
  return fields.template('Condition', `Choices[${index}]/Condition`)
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined
}

function isBoolean(value: Json): value is boolean {
  return typeof value === 'boolean'
}

import { isString } from '../data.ts'
import type { FailState } from '../definition/states.ts'
import type { Template } from '../template.ts'
import type { StateType } from './type.ts'

/** Fails its workflow with an Error and a Cause. */
export const failType: StateType<FailState> = {
  read(fields, name) {
    const text = (field: string) =>
      fields.valueTemplate(field, isString, 'Expected value of type [STRING]', 'function')
    return {
      type: 'Fail',
      name,
      language: fields.language,
      inputPath: undefined,
      error: text('Error'),
      cause: text('Cause'),
    }
  },

  start(turn, scope, run) {
    const state = run.state as FailState
    const read = (template: Template | undefined) =>
      template && turn.evaluateAs(scope, run, template, 'string', isString)
    const error = read(state.error)
    const cause = read(state.cause)
    turn.fail(scope, run, {
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
    })
  },
}

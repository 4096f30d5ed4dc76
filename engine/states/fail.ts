import { isString, type Json } from '../data.ts'
import type { FailState } from '../definition/states.ts'
import type { Template } from '../template.ts'
import type { StateType } from './type.ts'

/** Fails its workflow with an Error and a Cause. */
export const failType: StateType<FailState> = {
  read(fields, name) {
    const error = fields.template('Error')
    const cause = fields.template('Cause')
    for (const [field, template] of Object.entries({ Error: error, Cause: cause })) {
      const constant: Json | undefined = template?.constant
      if (constant !== undefined && !isString(constant)) {
        fields.fault('Expected value of type String', field)
      }
    }
    return { type: 'Fail', name, error, cause }
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

import { Data } from '../data.ts'
import { readBase, readContinuation } from '../definition/handling.ts'
import type { PassState } from '../definition/states.ts'
import type { StateType } from './type.ts'

/** Gives its input on, or makes another of it. */
export const passType: StateType<PassState> = {
  read(fields, name) {
    const base = readBase(fields, name)
    if (base.language === 'JSONata') {
      const own = { result: undefined, parameters: undefined }
      return { type: 'Pass', ...base, ...own, ...readContinuation(fields) }
    }
    const result = fields.raw('Result')
    return {
      type: 'Pass',
      ...base,
      result: result === undefined ? undefined : new Data(result),
      parameters: fields.template('Parameters'),
      ...readContinuation(fields, { resultPath: true }),
    }
  },

  start(turn, scope, run) {
    const state = run.state as PassState
    const { result, parameters } = state
    const made =
      result ??
      (parameters === undefined
        ? turn.effectiveInput(scope, run)
        : turn.evaluate(scope, run, parameters))
    turn.exit(scope, run, state, made)
  },
}

import { readContinuation } from '../definition/handling.ts'
import type { PassState } from '../definition/states.ts'
import type { StateType } from './type.ts'

/** Gives its input on, or makes another of it. */
export const passType: StateType<PassState> = {
  read(fields, name) {
    return { type: 'Pass', name, ...readContinuation(fields) }
  },

  start(turn, scope, run) {
    turn.exit(scope, run, run.state as PassState, run.input)
  },
}

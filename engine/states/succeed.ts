import type { SucceedState } from '../definition/states.ts'
import type { StateType } from './type.ts'

/** Ends its workflow. */
export const succeedType: StateType<SucceedState> = {
  read(fields, name) {
    const output = fields.template('Output')
    return { type: 'Succeed', name, output, assign: undefined, next: undefined }
  },

  start(turn, scope, run) {
    turn.exit(scope, run, run.state as SucceedState, run.input)
  },
}

import { readBase, readOutput } from '../definition/handling.ts'
import type { SucceedState } from '../definition/states.ts'
import type { StateType } from './type.ts'

/** Ends its workflow. */
export const succeedType: StateType<SucceedState> = {
  read(fields, name) {
    return {
      type: 'Succeed',
      ...readBase(fields, name),
      ...readOutput(fields),
      assign: undefined,
      next: undefined,
    }
  },

  start(turn, scope, run) {
    turn.exit(scope, run, run.state as SucceedState, turn.effectiveInput(scope, run))
  },
}

import { Data, dataLimitExceeded } from '../data.ts'
import { readBase, readContinuation, readHandling } from '../definition/handling.ts'
import type { ParallelState } from '../definition/states.ts'
import { StateFault } from '../turn.ts'
import type { CompositeType } from './type.ts'

/** Runs its branches at once; its result has the output of each, in their order. */
export const parallelType: CompositeType<ParallelState> = {
  read(fields, name, readWorkflow) {
    fields.required('Branches')
    const branches = fields.objects('Branches', 1).map((branch) => {
      branch.string('Comment')
      const workflow = readWorkflow(branch)
      branch.close()
      return workflow
    })
    return {
      type: 'Parallel',
      ...readBase(fields, name),
      branches,
      arguments: fields.arguments(),
      ...readHandling(fields),
      ...readContinuation(fields),
    }
  },

  start(turn, scope, run) {
    const state = run.state as ParallelState
    const input =
      state.arguments === undefined
        ? turn.effectiveInput(scope, run)
        : turn.evaluate(scope, run, state.arguments)
    const firstScope = turn.execution.nextScope
    turn.emit(scope.id, { type: 'ParallelStarted', input, firstScope })
  },

  proceed() {
    // All branches were started together.
  },

  childSucceeded(turn, scope, run) {
    const { children } = run
    if (children!.succeeded < children!.length) return
    const result = new Data(children!.scopes.map((branch) => branch.value.value))
    if (result.isTooLarge) throw new StateFault(dataLimitExceeded(run.state.name))
    turn.emit(scope.id, { type: 'StateSucceeded', stateType: 'Parallel' })
    turn.exit(scope, run, run.state as ParallelState, result, { result: result.value })
  },

  childFailed(turn, scope, run, branch, failure) {
    turn.fail(scope, run, failure, branch.last)
  },
}

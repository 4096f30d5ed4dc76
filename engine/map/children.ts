import type { Workflow } from '../definition/states.ts'
import type { ExecutionRow } from '../store.ts'
import { labelOf } from './arns.ts'

/** Whether a map run started the execution: no other name of a state machine has a slash. */
export function isChild(row: ExecutionRow): boolean {
  return row.stateMachineName.includes('/')
}

/** Whether it is a child execution without a log, of the type EXPRESS. */
export function isExpress(row: ExecutionRow): boolean {
  return row.arn.split(':', 6)[5] === 'express'
}

/** The processor of the distributed Map of that label, however deep. */
export function processorOf(workflow: Workflow, label: string): Workflow | undefined {
  for (const state of workflow.states.values()) {
    if (state.type === 'Map') {
      const { distributed } = state
      if (distributed !== undefined && (distributed.label ?? labelOf(state.name)) === label) {
        return state.itemProcessor
      }
      const found = processorOf(state.itemProcessor, label)
      if (found !== undefined) return found
    } else if (state.type === 'Parallel') {
      for (const branch of state.branches) {
        const found = processorOf(branch, label)
        if (found !== undefined) return found
      }
    }
  }
  return undefined
}

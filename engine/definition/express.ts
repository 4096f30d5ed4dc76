import { patternOf } from '../integrations/resource.ts'
import type { Diagnostics, Place } from './diagnostics.ts'
import type { Workflow } from './states.ts'

/**
 * Adds what a definition has that state machines of the type EXPRESS do not take: they wait
 * neither for jobs nor for tokens, and have no distributed Maps.
 * https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
 */
export function checkExpress(
  workflow: Workflow,
  diagnostics: Diagnostics,
  place: Place = [],
): void {
  for (const [name, state] of workflow.states) {
    const at = [...place, 'States', name]
    const refuse = (what: string, ...below: string[]) => {
      diagnostics.add(
        'SCHEMA_VALIDATION_FAILED',
        [...at, ...below],
        `Express state machine does not support ${what}`,
      )
    }
    if (state.type === 'Task') {
      const pattern = patternOf(state.resource)
      if (pattern !== undefined) refuse(`'${pattern}' service integration`, 'Resource')
    } else if (state.type === 'Map') {
      if (state.distributed !== undefined) refuse("'DISTRIBUTED' mode of Map", 'ItemProcessor')
      checkExpress(state.itemProcessor, diagnostics, [...at, 'ItemProcessor'])
    } else if (state.type === 'Parallel') {
      for (const [i, branch] of state.branches.entries()) {
        checkExpress(branch, diagnostics, [...at, 'Branches', i])
      }
    }
  }
}

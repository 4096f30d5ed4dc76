import { executionEndedPattern, matchesPattern, type EventEnvelope } from '../../events/index.ts'
import { invokeTask } from '../../tasks/task.ts'
import type { Workflow } from '../../workflows/workflow.ts'
import { isMillraceError, type Ports } from '../ports/index.ts'
import type { BusRule } from './bus.ts'
import type { LocalArns } from './executions.ts'

/** The rules that workflows ask for: what starts them, and what runs at the end of an execution. */
export function rulesOf(workflows: readonly Workflow[], ports: Ports, arns: LocalArns): BusRule[] {
  return workflows.flatMap(({ name, trigger, onExecutionEnd }) => {
    const rules: BusRule[] = []
    if (trigger !== undefined) {
      rules.push({
        name: `${name}-trigger`,
        matches: (event) => matchesPattern(trigger, event),
        deliver: (event) => startFor(event, name, ports),
      })
    }
    if (onExecutionEnd !== undefined) {
      const ended = executionEndedPattern(arns.stateMachine(name))
      rules.push({
        name: `${name}-execution-end`,
        matches: (event) => matchesPattern(ended, event),
        deliver: async (event) => {
          const { signal } = new AbortController()
          await invokeTask(onExecutionEnd, event, ports, { signal })
        },
      })
    }
    return rules
  })
}

/**
 * Starts the execution of an event, once: its name comes from the event, so that a repeated delivery
 * finds the execution that is there.
 */
async function startFor(event: EventEnvelope, workflow: string, ports: Ports): Promise<void> {
  const name = executionName(event)
  try {
    await ports.executions.start({ workflow, name, input: event })
  } catch (error) {
    if (!isMillraceError(error, 'ExecutionConflict')) throw error
    const { input } = await ports.executions.describe(workflow, name)
    if ((input as { id?: unknown }).id === event.id) return
    // Another event has the same short name: the whole id is unique.
    await startUnderId(event, workflow, ports)
  }
}

async function startUnderId(event: EventEnvelope, workflow: string, ports: Ports): Promise<void> {
  try {
    await ports.executions.start({ workflow, name: event.id, input: event })
  } catch (error) {
    if (!isMillraceError(error, 'ExecutionConflict')) throw error
  }
}

/** Short enough to type, and telling: `ada-iris-1f0c2b7e` for an upload or a drift of ada's iris. */
function executionName(event: EventEnvelope): string {
  const key = (event.detail['object'] as { key?: unknown } | undefined)?.key
  const model = event.detail['model']
  const told = typeof key === 'string' ? key.replace(/^uploads\/|\.[^.]*$/g, '') : model
  const about = typeof told === 'string' ? told : event.source
  const slug = about.replace(/[^A-Za-z0-9_]+/g, '-').slice(0, 60)
  return `${slug}-${event.id.slice(0, 8)}`
}

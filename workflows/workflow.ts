import { validatePattern, type EventPattern } from '../events/index.ts'
import type { AnyTask } from '../tasks/task.ts'
import { WorkflowError } from './errors.ts'

/** A state machine's definition as it stands in its `.asl.json` file. */
export type Definition = Readonly<Record<string, unknown>>

/** A definition, the tasks that its placeholders name, and what starts it. */
export interface Workflow {
  /** The state machine's name: 1 to 80 of letters, digits, `-` and `_`. */
  readonly name: string
  readonly definition: Definition
  /** One task for each `"FunctionName": "${Name}"` of the definition, in any order. */
  readonly tasks: readonly AnyTask[]
  /** Events that start an execution, whose input is the whole event. Without it: by request only. */
  readonly trigger?: EventPattern
  /**
   * Runs when an execution of this workflow has ended, however it ended (also stopped or timed out),
   * with the Step Functions Execution Status Change event as its input: at least once.
   */
  readonly onExecutionEnd?: AnyTask
}

/**
 * Pairs a definition with its tasks. The definition is not changed: the embedded engine puts local
 * functions in the places of its `${Name}`s, CDK puts function version ARNs there.
 *
 * @throws WorkflowError for a name, a placeholder or a pattern that does not fit; lists every fault.
 */
export function defineWorkflow(workflow: Workflow): Workflow {
  const faults: string[] = []
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(workflow.name)) {
    faults.push(`the name is 1 to 80 letters, digits, "-" and "_"; found "${workflow.name}"`)
  }
  const placeholders = placeholdersOf(workflow.definition)
  const names = workflow.tasks.map((task) => task.name)
  for (const name of placeholders) {
    if (!names.includes(name)) faults.push(`the definition names \${${name}}, and no task has it`)
  }
  for (const name of new Set(names)) {
    if (!placeholders.has(name)) faults.push(`the definition never names the task ${name}`)
    if (names.indexOf(name) !== names.lastIndexOf(name)) faults.push(`two tasks are named ${name}`)
  }
  if (workflow.trigger !== undefined) {
    try {
      validatePattern(workflow.trigger)
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  if (faults.length > 0) throw new WorkflowError(workflow.name, faults)
  return workflow
}

/** The `${Name}`s in the strings of a definition. */
export function placeholdersOf(definition: unknown): Set<string> {
  const found = new Set<string>()
  const visit = (value: unknown): void => {
    if (typeof value === 'string') {
      for (const [, name] of value.matchAll(/\$\{([A-Za-z][A-Za-z0-9]*)\}/g)) found.add(name!)
    } else if (value !== null && typeof value === 'object') {
      Object.values(value).forEach(visit)
    }
  }
  visit(definition)
  return found
}

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
  /**
   * Names of the placeholders elsewhere in the definition, whose values are known where it is deployed:
   * CDK's `Workflow` gives them, the embedded engine leaves them as they stand. Default: none.
   */
  readonly substitutions?: readonly string[]
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
  const { substitutions = [] } = workflow
  const names = workflow.tasks.map((task) => task.name)
  faults.push(...placeholderFaults(workflow.definition, names, substitutions))
  for (const name of new Set(names)) {
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

/** What of a definition's placeholders does not fit the tasks and substitutions that there are. */
export function placeholderFaults(
  definition: unknown,
  tasks: readonly string[],
  substitutions: readonly string[],
): string[] {
  const [calls, places] = [placeholdersOf(definition), substitutionsOf(definition)]
  const missing = (names: Iterable<string>, given: readonly string[]) =>
    [...names].filter((name) => !given.includes(name))
  return [
    ...missing(calls, tasks).map((name) => `the definition names \${${name}}, and no task has it`),
    ...missing(places, substitutions).map(
      (name) => `the definition has \${${name}}, and no substitution is named so`,
    ),
    ...missing(new Set(tasks), [...calls]).map(
      (name) => `the definition never names the task ${name}`,
    ),
    ...missing(new Set(substitutions), [...places]).map(
      (name) => `the definition has no \${${name}} that the substitution ${name} could stand for`,
    ),
    ...[...places]
      .filter((name) => calls.has(name))
      .map(
        (name) => `\${${name}} stands for a task: elsewhere than as a FunctionName name another`,
      ),
  ]
}

/** The `${Name}`s that a definition's FunctionNames are: tasks. */
export function placeholdersOf(definition: unknown): Set<string> {
  return new Set(namedIn(definition).flatMap(({ name, isTask }) => (isTask ? [name] : [])))
}

/** The `${Name}`s that a definition has elsewhere. */
export function substitutionsOf(definition: unknown): Set<string> {
  return new Set(namedIn(definition).flatMap(({ name, isTask }) => (isTask ? [] : [name])))
}

/** What stands in the place of each placeholder of a definition while it runs embedded. */
export function embeddedSubstitutions(
  definition: unknown,
  functionOf: (task: string) => string,
): Record<string, string> {
  const names = namedIn(definition)
  return Object.fromEntries(
    names.map(({ name, isTask }) => [name, isTask ? functionOf(name) : `\${${name}}`]),
  )
}

function namedIn(value: unknown, field?: string): { name: string; isTask: boolean }[] {
  if (typeof value === 'string') {
    const found = value.matchAll(/\$\{([A-Za-z][A-Za-z0-9]*)\}/g)
    return Array.from(found, ([, name]) => ({ name: name!, isTask: field === 'FunctionName' }))
  }
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, member]) => namedIn(member, name))
}

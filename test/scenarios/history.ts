import type { Execution, ExecutionEvent, Executions } from '../../platform/ports/index.ts'

/** An execution that has ended, with its whole history. */
export interface EndedExecution extends Execution {
  readonly history: readonly ExecutionEvent[]
}

/** Waits for the end of an execution of the training workflow. Throws after `patience` seconds. */
export async function ended(
  executions: Executions,
  name: string,
  patience = 240,
): Promise<EndedExecution> {
  const until = Date.now() + patience * 1000
  for (;;) {
    const execution = await executions.describe('training', name)
    if (execution.status !== 'RUNNING') {
      return { ...execution, history: await wholeHistory(executions, name) }
    }
    if (Date.now() > until) throw new Error(`${name} still runs after ${patience} seconds`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/**
 * What two platforms must have in common of the same execution: the states in the order in which they
 * were entered and left, and how it ended. Without the states inside a Map, whose order is free.
 */
export function signatureOf({ status, output, history }: EndedExecution): unknown {
  const { outcome, promotion, decision, drift } = (output ?? {}) as Record<string, unknown>
  return {
    status,
    steps: history
      .filter(({ type }) => /State(Entered|Exited)$/.test(type))
      .map(({ type, details }) => ({ type, name: details['name'] }))
      .filter(({ name }) => !statesInsideMap.has(name as string)),
    outcome,
    promotion: verdictOf(promotion, 'outcome'),
    decision: verdictOf(decision, 'verdict'),
    drift: verdictOf(drift, 'verdict'),
  }
}

/** Names of the states that were entered, in order, without those inside a Map. */
export function statesOf({ history }: EndedExecution): string[] {
  return history
    .filter(({ type }) => type.endsWith('StateEntered'))
    .map(({ details }) => details['name'] as string)
    .filter((name) => !statesInsideMap.has(name))
}

/** The last of those inside the Map, which runs once a candidate, at the same time as the others. */
export const stateInsideMap = 'Fit'

const statesInsideMap: ReadonlySet<string> = new Set(['WhereItFits', stateInsideMap])

async function wholeHistory(executions: Executions, name: string): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = []
  for (;;) {
    const page = await executions.history('training', name, { after: events.at(-1)?.id ?? 0 })
    if (page.length === 0) return events
    events.push(...page)
  }
}

function verdictOf(value: unknown, field: string): unknown {
  return (value as Record<string, unknown> | undefined)?.[field]
}

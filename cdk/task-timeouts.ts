/**
 * For each task the shortest `TimeoutSeconds` of the states that call it, in seconds. Tasks whose
 * states have none are absent.
 */
export function taskTimeouts(definition: unknown): Map<string, number> {
  const timeouts = new Map<string, number>()
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    const state = value as Readonly<Record<string, unknown>>
    const task = taskOf(state['Arguments']) ?? taskOf(state['Parameters'])
    const seconds = state['TimeoutSeconds']
    if (task !== undefined && typeof seconds === 'number') {
      timeouts.set(task, Math.min(seconds, timeouts.get(task) ?? Infinity))
    }
    Object.values(state).forEach(visit)
  }
  visit(definition)
  return timeouts
}

/** The task that a `FunctionName` names by its placeholder. */
function taskOf(request: unknown): string | undefined {
  const { FunctionName: name } = (request ?? {}) as { FunctionName?: unknown }
  return typeof name === 'string' ? /^\$\{([A-Za-z][A-Za-z0-9]*)\}$/.exec(name)?.[1] : undefined
}

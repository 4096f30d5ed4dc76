/** Seconds that an Express execution has. */
const expressSeconds = 300

/**
 * For each task the shortest `TimeoutSeconds` of the states that call it, in seconds; of a state in an
 * Express execution no more than that has. Tasks whose states have none are absent.
 */
export function taskTimeouts(definition: unknown): Map<string, number> {
  const timeouts = new Map<string, number>()
  const visit = (value: unknown, most: number): void => {
    if (value === null || typeof value !== 'object') return
    const state = value as Readonly<Record<string, unknown>>
    const task = taskOf(state['Arguments']) ?? taskOf(state['Parameters'])
    const seconds = state['TimeoutSeconds']
    if (task !== undefined && typeof seconds === 'number') {
      timeouts.set(task, Math.min(seconds, most, timeouts.get(task) ?? Infinity))
    }
    const within = isExpressProcessor(state) ? Math.min(most, expressSeconds) : most
    for (const member of Object.values(state)) visit(member, within)
  }
  visit(definition, Infinity)
  return timeouts
}

function isExpressProcessor(state: Readonly<Record<string, unknown>>): boolean {
  const config = (state['ProcessorConfig'] ?? {}) as { readonly ExecutionType?: unknown }
  return config.ExecutionType === 'EXPRESS'
}

/** The task that a `FunctionName` names by its placeholder. */
function taskOf(request: unknown): string | undefined {
  const { FunctionName: name } = (request ?? {}) as { FunctionName?: unknown }
  return typeof name === 'string' ? /^\$\{([A-Za-z][A-Za-z0-9]*)\}$/.exec(name)?.[1] : undefined
}

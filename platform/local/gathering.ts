/** Turns that more is waited for at most: callers that never end must not wait for ever. */
const mostTurns = 8

/**
 * Resolves at the end of this turn of the event loop, in which the requests at hand are read, or of a
 * later one, for as long as each brings more: what is done once for many then costs as much as for one.
 *
 * @param count of what has been gathered
 */
export async function gathering(count: () => number): Promise<void> {
  for (let turn = 0, before = -1; turn < mostTurns && count() > before; turn++) {
    before = count()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

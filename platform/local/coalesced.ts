/**
 * Shares runs of `task` among callers: each is answered by a run that began after its call, so that
 * everything done before the call is covered; callers that come during a run share the next one.
 * There is never more than one run at a time.
 */
export function coalesced(task: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  const start = () => {
    next = undefined
    running = task().finally(() => {
      if (next === undefined) running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    next ??= running.then(start, start)
    return next
  }
}

import { ADWIN } from 'millrace/drift'

/** Watches a classifier's errors across restarts; `saved` is what the last run left, if any. */
export function watchErrors(errors: Iterable<boolean>, saved?: unknown) {
  const detector = saved === undefined ? new ADWIN() : ADWIN.from(saved)
  const changes: { at: number; before: number; after: number }[] = []
  let at = 0
  for (const isWrong of errors) {
    const before = detector.estimation
    if (detector.update(isWrong ? 1 : 0)) {
      changes.push({ at, before, after: detector.estimation })
    }
    at++
  }
  return { changes, state: detector.state() }
}

import { byMetric } from './chosen-metric.ts'
import type { CandidateScore, TrainedCandidate } from './shapes.ts'

type Trained = Extract<TrainedCandidate, { outcome: 'trained' }>

/**
 * The best score by the training's metric; of equal ones of a classification the lowest log loss, none
 * of which is the worst; then the order asked for.
 */
export function preferred(candidates: readonly TrainedCandidate[]): Trained {
  const trained = candidates.filter((candidate) => candidate.outcome === 'trained')
  const [best] = trained.sort((a, b) => byScore(a.crossValidation, b.crossValidation))
  if (best === undefined) {
    const reasons = candidates.map((one) => (one.outcome === 'skipped' ? one.reason : ''))
    throw new Error(`no candidate was trained: ${reasons.join('; ')}`)
  }
  return best
}

/** Negative where `a` is the better. All candidates are of one task, and compared by one metric. */
function byScore(a: CandidateScore, b: CandidateScore): number {
  const better = byMetric(a.metric, a.score, b.score)
  if (better !== 0 || a.task !== 'classification' || b.task !== 'classification') return better
  const [lossOfA, lossOfB] = [a.logLoss ?? Infinity, b.logLoss ?? Infinity]
  return lossOfA === lossOfB ? 0 : lossOfA - lossOfB
}

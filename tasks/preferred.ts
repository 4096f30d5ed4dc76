import type { CandidateScore, TrainedCandidate } from './shapes.ts'

type Trained = Extract<TrainedCandidate, { outcome: 'trained' }>

/**
 * The best score; of equal accuracies the lowest log loss, none of which is the worst; then the order
 * asked for.
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

/** Negative where `a` is the better. All candidates are of one task. */
function byScore(a: CandidateScore, b: CandidateScore): number {
  if (a.task === 'regression' && b.task === 'regression') return a.rmse - b.rmse
  if (a.task === 'clustering' && b.task === 'clustering') return b.silhouette - a.silhouette
  if (a.task !== 'classification' || b.task !== 'classification') return 0
  if (a.accuracy !== b.accuracy) return b.accuracy - a.accuracy
  const [lossOfA, lossOfB] = [a.logLoss ?? Infinity, b.logLoss ?? Infinity]
  return lossOfA === lossOfB ? 0 : lossOfA - lossOfB
}

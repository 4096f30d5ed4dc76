import { isLessBetter, titleOf } from './chosen-metric.ts'
import type { GateDecision, MetricName } from './shapes.ts'

/** The least number of held-out rows on which two models are told apart. */
export const gateRows = 30
/** How much worse a challenger may be: of a loss as a share of the champion's. 0: not worse. */
export const gateMargin = 0

export interface GateEvidence {
  /** Default accuracy. */
  readonly metric?: MetricName
  /** The champion's version, and how its task, features or answers differ; null for none. */
  readonly champion: { readonly version: number; readonly schemaChange: string | null } | null
  /** Rows that neither model learned from. */
  readonly heldOutRows: number
  /** Both models on these rows; null where there is no comparable champion. */
  readonly scores: { readonly challenger: number; readonly champion: number } | null
  /** Challenger minus champion: 95% interval of the paired bootstrap. */
  readonly interval: readonly [number, number] | null
}

/**
 * Decides whether a new version may become champion: the first valid version does; a later one when
 * it is not worse (by the margin) on the same held-out rows, of which there must be enough; a changed
 * schema, or a metric that one of the two does not have, waits for a person.
 */
export function decideGate(evidence: GateEvidence): GateDecision {
  const { metric = 'accuracy', champion, heldOutRows, scores, interval } = evidence
  const decision = (
    verdict: GateDecision['verdict'],
    promote: boolean,
    reason: string,
  ): GateDecision => ({
    verdict,
    promote,
    metric,
    rows: heldOutRows,
    margin: gateMargin,
    difference: scores === null ? null : scores.challenger - scores.champion,
    interval: interval === null ? null : [...interval],
    championVersion: champion?.version ?? null,
    reason,
  })

  if (champion === null) return decision('first', true, 'the first version of this model')
  const incomparable = (why: string) =>
    decision('schema-changed', false, `${why}; registered, and waits for a person to promote it`)
  if (champion.schemaChange !== null) return incomparable(champion.schemaChange)
  if (heldOutRows < gateRows) {
    return decision(
      'too-few-rows',
      false,
      `${heldOutRows} held-out rows are too few to compare on; the gate takes ${gateRows} or more`,
    )
  }
  if (scores === null) return incomparable(`there is no ${titleOf(metric)} of both on these rows`)
  const { challenger, champion: old } = scores
  const comparison = `${titleOf(metric)} ${told(challenger)} against version ${champion.version}'s ${told(old)} on the same ${heldOutRows} held-out rows`
  const isWorse = isLessBetter(metric)
    ? challenger > old * (1 + gateMargin)
    : challenger < old - gateMargin
  return isWorse ? decision('worse', false, comparison) : decision('not-worse', true, comparison)
}

/** Four decimals of what is at most 1, six digits of more. */
function told(score: number): string {
  return Math.abs(score) <= 1 ? score.toFixed(4) : String(Number(score.toPrecision(6)))
}

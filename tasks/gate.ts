import type { GateDecision, ModelMetrics } from './shapes.ts'

/** The least number of held-out rows on which two models are told apart. */
export const gateRows = 30
/** How much worse a challenger may be: of the RMSE as a share of the champion's. 0: not worse. */
export const gateMargin = 0

export type GateMetric = GateDecision['metric']

/** By what the gate judges each task, and what it is called. */
const metricOf = {
  classification: 'accuracy',
  regression: 'rmse',
  clustering: 'silhouette',
} as const satisfies Record<ModelMetrics['task'], GateMetric>

const titles: Readonly<Record<GateMetric, string>> = {
  accuracy: 'accuracy',
  rmse: 'RMSE',
  silhouette: 'silhouette',
}

/** The gate's metric of what was measured; no value where it could not be. */
export function gateScore(metrics: ModelMetrics): { metric: GateMetric; value: number | null } {
  const metric = metricOf[metrics.task]
  switch (metrics.task) {
    case 'classification':
      return { metric, value: metrics.accuracy }
    case 'regression':
      return { metric, value: metrics.rmse }
    case 'clustering':
      return { metric, value: metrics.silhouette }
    default:
      return metrics satisfies never
  }
}

export interface GateEvidence {
  /** Default accuracy. */
  readonly metric?: GateMetric
  /** The champion's version, and how its task, features or answers differ; null for none. */
  readonly champion: { readonly version: number; readonly schemaChange: string | null } | null
  readonly heldOutRows: number
  /** Both models on the same held-out rows; null where there is no comparable champion. */
  readonly scores: { readonly challenger: number; readonly champion: number } | null
  /** Challenger minus champion: 95% interval of the paired bootstrap. */
  readonly interval: readonly [number, number] | null
}

/**
 * Decides whether a new version may become champion: the first valid version does; a later one when
 * it is not worse (by the margin) on the same held-out rows, of which there must be enough; a changed
 * schema waits for a person.
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
  if (champion.schemaChange !== null || scores === null) {
    return decision(
      'schema-changed',
      false,
      `${champion.schemaChange ?? 'the champion cannot be judged on these rows'}; ` +
        'registered, and waits for a person to promote it',
    )
  }
  if (heldOutRows < gateRows) {
    return decision(
      'too-few-rows',
      false,
      `${heldOutRows} held-out rows are too few to compare on; the gate takes ${gateRows} or more`,
    )
  }
  const { challenger, champion: old } = scores
  const comparison = `${titles[metric]} ${told(challenger)} against version ${champion.version}'s ${told(old)} on the same ${heldOutRows} held-out rows`
  const isWorse =
    metric === 'rmse' ? challenger > old * (1 + gateMargin) : challenger < old - gateMargin
  return isWorse ? decision('worse', false, comparison) : decision('not-worse', true, comparison)
}

/** Four decimals of what is at most 1, six digits of more. */
function told(score: number): string {
  return Math.abs(score) <= 1 ? score.toFixed(4) : String(Number(score.toPrecision(6)))
}

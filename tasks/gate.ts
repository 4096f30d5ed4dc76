import type { GateDecision } from './shapes.ts'

/** The least number of held-out rows on which two models are told apart. */
export const gateRows = 30
/** How much worse a challenger's accuracy may be. 0: not worse. */
export const gateMargin = 0

export interface GateEvidence {
  /** The champion's version and whether it reads the same features and classes; null for none. */
  readonly champion: { readonly version: number; readonly schemaChange: string | null } | null
  readonly heldOutRows: number
  /** Both models on the same held-out rows; null where there is no comparable champion. */
  readonly accuracy: { readonly challenger: number; readonly champion: number } | null
  /** Challenger minus champion: 95% interval of the paired bootstrap. */
  readonly interval: readonly [number, number] | null
}

/**
 * Decides whether a new version may become champion: the first valid version does; a later one when
 * it is not worse (by the margin) on the same held-out rows, of which there must be enough; a changed
 * schema waits for a person.
 */
export function decideGate(evidence: GateEvidence): GateDecision {
  const { champion, heldOutRows, accuracy, interval } = evidence
  const decision = (
    verdict: GateDecision['verdict'],
    promote: boolean,
    reason: string,
  ): GateDecision => ({
    verdict,
    promote,
    metric: 'accuracy',
    rows: heldOutRows,
    margin: gateMargin,
    difference: accuracy === null ? null : accuracy.challenger - accuracy.champion,
    interval: interval === null ? null : [...interval],
    championVersion: champion?.version ?? null,
    reason,
  })

  if (champion === null) return decision('first', true, 'the first version of this model')
  if (champion.schemaChange !== null || accuracy === null) {
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
  const [challenger, old] = [accuracy.challenger, accuracy.champion].map((a) => a.toFixed(4))
  const comparison = `accuracy ${challenger} against version ${champion.version}'s ${old} on the same ${heldOutRows} held-out rows`
  return accuracy.challenger >= accuracy.champion - gateMargin
    ? decision('not-worse', true, comparison)
    : decision('worse', false, comparison)
}

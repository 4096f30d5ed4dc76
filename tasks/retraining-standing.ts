import type { Ports } from '../platform/ports/index.ts'
import { createDriftPolicies, type DriftPolicy } from './drift-policy.ts'
import { createRegistry } from './registry.ts'
import { createRetrainingLease } from './retraining-lease.ts'
import type { RetrainingEnding, RetrainingRun } from './retraining-shapes.ts'

/** Whether a retraining may go on, and by which policy. */
export interface RetrainingStanding {
  readonly policy: DriftPolicy
  /** What is against it, if anything is. */
  readonly against: 'taken-over' | 'paused' | 'champion-moved' | null
  /** What it comes to, where it may not. */
  readonly ending: RetrainingEnding | null
}

/**
 * Looks whether a retraining still has its place, is not paused, and whether the champion is the one that
 * it is about. Asked by each task, so that a pause takes hold within one look of a loop.
 *
 * @param about the version that is to be champion, and the one that was trained, if one was
 */
export async function standingOf(
  { table, executions, clock }: Pick<Ports, 'table' | 'executions' | 'clock'>,
  { model, execution }: RetrainingRun,
  about: { readonly champion: number; readonly challenger: number | null },
): Promise<RetrainingStanding> {
  const [{ policy }, alias, isKept] = await Promise.all([
    createDriftPolicies(table).of(model),
    createRegistry(table, clock).alias(model, 'champion'),
    createRetrainingLease(table, executions, clock).keep(model, execution),
  ])
  const champion = alias?.version ?? null
  const against = !isKept
    ? 'taken-over'
    : policy.paused
      ? 'paused'
      : champion !== about.champion
        ? 'champion-moved'
        : null
  if (against === null) return { policy, against, ending: null }
  const { challenger } = about
  const reason = reasonOf(against, champion)
  return {
    policy,
    against,
    ending: { outcome: 'abandoned', reason, challenger, champion, numbers: {} },
  }
}

function reasonOf(
  against: NonNullable<RetrainingStanding['against']>,
  champion: number | null,
): string {
  switch (against) {
    case 'taken-over':
      return 'another retraining has taken the place of this one'
    case 'paused':
      return 'retraining is paused'
    case 'champion-moved':
      return champion === null
        ? 'there is no champion any more'
        : `the champion is version ${champion} since`
    default:
      return against satisfies never
  }
}

import * as z from 'zod'
import { seedFromDigest } from '../ml/data/index.ts'
import type { Ports } from '../platform/ports/index.ts'
import { sha256 } from './digest.ts'
import { secondsToWait } from './drift-policy.ts'
import { gateRows } from './gate.ts'
import { createRegistry } from './registry.ts'
import { createRetrainingDecisions } from './retraining-decisions.ts'
import {
  logCursor,
  retrainingEnding,
  retrainingRun,
  watchedPromotion,
  type RetrainingEnding,
  type RetrainingNumbers,
  type RetrainingRun,
  type WatchedPromotion,
} from './retraining-shapes.ts'
import { standingOf } from './retraining-standing.ts'
import { isRolledBack, rollBack } from './roll-back.ts'
import { compareShadow, type ShadowComparison } from './shadow-comparison.ts'
import { createShadowRows, type ShadowState } from './shadow-rows.ts'
import { followShadow, type Watched } from './shadow.ts'
import { defineTask } from './task.ts'

/**
 * Holds a promoted challenger against the former champion, on labelled rows that it answered since: the
 * former one answers them in the shadow, here and not in the way of requests. Where the new one does
 * worse, the alias moves back.
 *
 * It is judged on the first `watchRows` of these rows, by whether the whole 95% interval of the paired
 * bootstrap says that it is worse; and once before, on the first half of them, by the 99.9% interval.
 */
export const watchPromotion = defineTask({
  name: 'WatchPromotion',
  input: z.object({ run: retrainingRun, promotion: watchedPromotion, from: logCursor }),
  output: z.object({ waitSeconds: z.number().int(), ending: retrainingEnding.nullable() }),
  async run({ run, promotion, from }, ports, { signal }) {
    const { clock, table } = ports
    const { version, promotedAt } = promotion
    const about = { champion: version, challenger: version }
    const { policy, against, ending } = await standingOf(ports, run, about)
    const waitSeconds = policy.pollSeconds
    const watched: Watched = { run, promotion, from, most: policy.watchRows }
    // This task moved the alias before, and did not come to tell.
    const isBack = against === 'champion-moved' && (await isRolledBack(ports, run, promotion))
    if (ending !== null && !isBack) return { waitSeconds, ending }

    const state = isBack
      ? await createShadowRows(table).of(run.model, run.execution, from)
      : await followShadow(ports, watched, signal)
    const elapsed = (clock.now() - Date.parse(promotedAt)) / 1000
    const isLate = isBack || elapsed >= policy.watchSeconds
    const { verdict, comparison } = await judged(ports, watched, state, isLate, signal)
    if (verdict === 'waiting' && !isBack) {
      const seconds = secondsToWait(policy, elapsed, policy.watchSeconds)
      return { waitSeconds: seconds, ending: null }
    }
    const found = {
      reason: reasonOf(promotion, state.rows.size, comparison),
      challenger: version,
      numbers: numbersOf(state, comparison),
    }
    const ends: RetrainingEnding =
      verdict === 'worse' || isBack
        ? await takenBack(ports, run, promotion, found)
        : { ...found, champion: version, outcome: outcomes[verdict] }
    await createRetrainingDecisions(table, clock).record(run.model, {
      execution: run.execution,
      detection: run.detection,
      step: 'watched',
      outcome: ends.outcome,
      reason: ends.reason,
      numbers: ends.numbers,
    })
    return { waitSeconds, ending: ends }
  },
})

const outcomes = {
  'not-worse': 'confirmed',
  undecided: 'unconfirmed',
  waiting: 'unconfirmed',
} as const

/** Of a champion that somebody moved at this moment, theirs holds. */
async function takenBack(
  ports: Pick<Ports, 'table' | 'clock' | 'bus'>,
  run: RetrainingRun,
  promotion: WatchedPromotion,
  found: Pick<RetrainingEnding, 'reason' | 'challenger' | 'numbers'>,
): Promise<RetrainingEnding> {
  if (await rollBack(ports, run, promotion, found.reason)) {
    return { ...found, outcome: 'rolled-back', champion: promotion.previous }
  }
  const alias = await createRegistry(ports.table, ports.clock).alias(run.model, 'champion')
  const reason = 'the champion was moved meanwhile'
  return { ...found, outcome: 'abandoned', champion: alias?.version ?? null, reason }
}

interface Verdict {
  readonly verdict: 'waiting' | 'worse' | 'not-worse' | 'undecided'
  readonly comparison: ShadowComparison | null
}

/** @param isLate whether no more rows are waited for */
async function judged(
  ports: Pick<Ports, 'table' | 'compute' | 'clock'>,
  { run, promotion, most }: Watched,
  state: ShadowState,
  isLate: boolean,
  signal: AbortSignal,
): Promise<Verdict> {
  const rows = [...state.rows.values()]
  const registry = createRegistry(ports.table, ports.clock)
  const { metrics } = await registry.version(run.model, promotion.version)
  const task = metrics.task === 'regression' ? 'regression' : 'classification'
  const seed = seedFromDigest(sha256(run.execution))
  const compare = (count: number, confidence: 0.95 | 0.999) =>
    ports.compute.run(
      compareShadow,
      { rows: rows.slice(0, count), task, seed, confidence },
      { signal },
    )

  const half = Math.ceil(most / 2)
  if (rows.length < most && rows.length >= half && !state.hasLooked) {
    const early = await compare(half, 0.999)
    if (early.lower > 0) return { verdict: 'worse', comparison: early }
    const { model, execution } = run
    await createShadowRows(ports.table).keep(model, execution, { ...state, hasLooked: true })
  }
  if (rows.length < most && !isLate) return { verdict: 'waiting', comparison: null }
  if (rows.length < Math.min(gateRows, most)) return { verdict: 'undecided', comparison: null }
  const comparison = await compare(most, 0.95)
  if (comparison.lower > 0) return { verdict: 'worse', comparison }
  return { verdict: rows.length < most ? 'undecided' : 'not-worse', comparison }
}

function numbersOf(state: ShadowState, comparison: ShadowComparison | null): RetrainingNumbers {
  if (comparison === null) return { labelledRows: state.rows.size }
  const { rows, present, former, lower, upper } = comparison
  return {
    labelledRows: state.rows.size,
    comparedRows: rows,
    lossOfNew: present,
    lossOfFormer: former,
    lower,
    upper,
  }
}

function reasonOf(
  { version, previous }: { readonly version: number; readonly previous: number },
  rows: number,
  comparison: ShadowComparison | null,
): string {
  if (comparison === null) return `${rows} labelled rows are too few to tell`
  const [now, was] = [told(comparison.present), told(comparison.former)]
  return `version ${version} loses ${now} where version ${previous} would lose ${was}, on the same ${comparison.rows} rows`
}

function told(value: number): string {
  return String(Number(value.toPrecision(4)))
}

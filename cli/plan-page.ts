import type { DatasetSketch } from '../tasks/planning/dataset-sketch.ts'
import { bytesText, countText, secondsText } from '../tasks/planning/figures.ts'
import type { NearLimit } from '../tasks/planning/near-limits.ts'
import { pricesAsOf } from '../tasks/planning/prices.ts'
import type { Rates } from '../tasks/planning/rates.ts'
import type { TrainingPlan } from '../tasks/planning/training-plan.ts'
import type { PlannedCost } from './planned-costs.ts'
import { oneLine, table } from './terminal.ts'

export interface Plan {
  /** The file's name. */
  readonly file: string
  readonly dataset: DatasetSketch
  readonly fits: boolean
  readonly training: TrainingPlan
  readonly limits: readonly NearLimit[]
  /** Rows to predict. */
  readonly predictions: number
  /** None where nothing is paid for. */
  readonly costs: readonly PlannedCost[]
  readonly measured: Rates['measured']
}

/** From this share on a limit is near. */
const nearShare = 0.5

/** A plan as people read it. */
export function planPage(plan: Plan): string {
  const { training, measured } = plan
  const { refusals, candidates, leftOut } = training
  const refused = refusals.map(({ message }) => message)
  const out = [...leftOut, ...candidates].flatMap(({ reason }) =>
    reason === null || refused.includes(reason) ? [] : [reason],
  )
  return [
    aboutDataset(plan),
    ...listed('This will not be trained on:', refused),
    '',
    stepsTable(training),
    ...(plan.fits
      ? ['', `About ${secondsText(training.seconds)} from the upload to the model served.`]
      : []),
    ...listed('Left out:', out),
    '',
    limitsTable(plan.limits),
    ...(plan.costs.length === 0 ? [] : ['', costsTable(plan)]),
    '',
    `Rates measured ${measured.date} on ${measured.machine}, Node.js ${measured.node}: real data take` +
      ' half to double.',
    ...(plan.costs.length === 0 ? [] : [`List prices of us-east-1 as of ${pricesAsOf}.`]),
  ].join('\n')
}

function listed(title: string, reasons: readonly string[]): string[] {
  return reasons.length === 0 ? [] : ['', title, ...reasons.map((reason) => `  ${oneLine(reason)}`)]
}

function aboutDataset({ file, dataset }: Plan): string {
  const { rows, cols, encodedCols, task, classes, bytes, format } = dataset
  const encoded =
    encodedCols === cols ? '' : ` (${countText(encodedCols)} with one for each category)`
  const learned = task === 'classification' ? `classification of ${classes} classes` : task
  const shape = `${countText(rows)} rows × ${countText(cols)} columns${encoded}`
  return `${oneLine(file)}: ${shape}, ${learned}, ${bytesText(bytes)} of .${format}`
}

function stepsTable({ steps, candidates }: TrainingPlan): string {
  const trained = candidates.map(({ algorithm, ...rest }) => ({
    state: `Train ${algorithm}`,
    ...rest,
  }))
  const evaluated = steps.findIndex(({ state }) => state === 'Evaluate')
  const all = [...steps.slice(0, evaluated), ...trained, ...steps.slice(evaluated)]
  const rows = all.map(({ state, place, peakBytes, seconds }) => [
    state,
    place === null ? 'nowhere' : place.name.replace('-', ' '),
    place === null ? null : bytesText(place.memoryBytes),
    bytesText(peakBytes),
    secondsText(seconds),
  ])
  return table(['STEP', 'WHERE', 'HAS', 'TAKES', 'TIME'], rows)
}

function limitsTable(limits: readonly NearLimit[]): string {
  const rows = limits.map(({ limit, of, unit, used, most, share }) => [
    limit,
    of,
    texts[unit](used),
    texts[unit](most),
    percent(share),
    share > 1 ? 'over' : share >= nearShare ? 'near' : '',
  ])
  return table(['LIMIT', 'OF', 'USED', 'MOST', 'SHARE', ''], rows)
}

const texts = { bytes: bytesText, seconds: secondsText, count: countText }

function percent(share: number): string {
  return share < 0.01 ? 'under 1%' : `${Math.round(share * 100)}%`
}

function costsTable({ costs, predictions }: Plan): string {
  const what = {
    training: 'one training',
    predictions: `${countText(predictions)} predictions, a request each`,
    batch: `${countText(predictions)} predictions in one batch`,
    endpoint: 'an ml.m5.large endpoint, always on, a month',
  }
  return table(
    ['COST', 'US DOLLARS'],
    costs.map(({ of, dollars }) => [what[of], dollarsText(dollars)]),
  )
}

function dollarsText(dollars: number): string {
  if (dollars >= 1) return dollars.toFixed(2)
  return dollars === 0 ? '0' : String(Number(dollars.toPrecision(2)))
}

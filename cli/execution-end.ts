import type {
  ClassificationMetrics,
  DriftFinding,
  GateDecision,
  LeftOutAlgorithm,
  ModelMetrics,
} from '../tasks/shapes.ts'
import type { DescribedExecution } from './client.ts'
import { exitCodes } from './exit-codes.ts'
import { readableCause } from './readable-cause.ts'
import { figure, oneLine, printLine, styled, table, type Terminal } from './terminal.ts'

/** An algorithm in the race of a training, its score in cross-validation. */
interface RacedCandidate {
  readonly algorithm: string
  readonly score: number | null
  readonly trials: number
  readonly reason?: string
}

/** What a training execution answers at its end; each outcome has its own fields. */
export interface TrainingOutput {
  readonly outcome?: 'registered' | 'duplicate' | 'rejected'
  readonly model?: string
  readonly version?: number
  readonly algorithm?: string
  readonly metrics?: ModelMetrics
  readonly candidates?: readonly RacedCandidate[]
  readonly leftOut?: readonly LeftOutAlgorithm[]
  readonly decision?: GateDecision
  readonly drift?: DriftFinding
  readonly promotion?: { outcome: string; champion: number | null; reason: string }
  readonly reasons?: readonly { message: string }[]
  readonly report?: string
  readonly of?: string
  readonly reason?: string
}

/** How an execution ended, in a few words for a list; nothing while it runs. */
export function outcomeOf({ status, output, error }: DescribedExecution): string {
  if (status !== 'SUCCEEDED') return error ?? ''
  const { outcome, version, promotion } = (output ?? {}) as TrainingOutput
  if (outcome !== 'registered') return outcome ?? ''
  return [`version ${version}`, promotion?.outcome].filter(Boolean).join(' ')
}

/** Tells how an execution ended, in words (unless `quiet`), and answers its exit code. */
export function tellEnd(ended: DescribedExecution, terminal: Terminal, quiet: boolean): number {
  const output = (ended.output ?? {}) as TrainingOutput
  if (!quiet) for (const line of describeEnd(ended, output, terminal)) printLine(terminal.out, line)
  if (ended.status === 'SUCCEEDED') {
    return output.outcome === 'rejected' ? exitCodes.rejected : exitCodes.success
  }
  return ended.status === 'RUNNING' ? exitCodes.success : exitCodes.executionFailed
}

function describeEnd(
  ended: DescribedExecution,
  output: TrainingOutput,
  { out }: Terminal,
): string[] {
  const bold = (text: string) => styled(out, 'bold', text)
  if (ended.status !== 'SUCCEEDED') {
    const cause = readableCause(ended.cause ?? '')
    const why = [ended.error, cause].filter(Boolean).join(': ')
    return [`${bold(ended.status)} ${ended.name}${why === '' ? '' : `: ${why}`}`]
  }
  switch (output.outcome) {
    case 'rejected':
      return [
        `${bold('Rejected')}: the upload cannot be trained on; report in the bucket at ${output.report}`,
        ...(output.reasons ?? []).map((reason) => `  - ${oneLine(reason.message)}`),
      ]
    case 'duplicate':
      return [`${bold('Already done')}: ${output.reason} (${output.of})`]
    case 'registered':
      return describeTraining(output, bold)
    case undefined:
      return [`${bold('SUCCEEDED')} ${ended.name}`, JSON.stringify(ended.output, null, 2)]
    default:
      return output.outcome satisfies never
  }
}

function describeTraining(output: TrainingOutput, bold: (text: string) => string): string[] {
  const { metrics, candidates = [], leftOut = [], drift, promotion } = output
  const lines = [
    `${bold('Registered')}  ${output.model} version ${output.version}, ${output.algorithm}`,
  ]
  if (candidates.length > 0) {
    lines.push(`${bold('Raced')}       ${candidates.map(describeCandidate).join(', ')}`)
  }
  for (const line of describeLeftOut(leftOut)) lines.push(`${bold('Left out')}    ${line}`)
  if (metrics !== undefined) {
    const [first, ...rest] = describeMetrics(metrics)
    lines.push(`${bold('Metrics')}     on ${metrics.rows} held-out rows: ${first!}`)
    lines.push(...rest.map((line) => `            ${line}`))
  }
  if (promotion !== undefined) {
    lines.push(`${bold('Gate')}        ${promotion.outcome}: ${promotion.reason}`)
  }
  if (drift !== undefined) {
    lines.push(
      `${bold('Drift')}       ${drift.verdict}: ${drift.reasons.join('; ') || 'no reason to worry'}`,
    )
  }
  return lines
}

/** What will not be raced, or was not, a line each. */
export function describeLeftOut(leftOut: readonly LeftOutAlgorithm[]): string[] {
  return leftOut.map(({ reason, instead }) => `${oneLine(reason)}; raced instead: ${instead}`)
}

function describeCandidate({ algorithm, score, trials, reason }: RacedCandidate): string {
  if (score === null) return `${algorithm} not (${oneLine(reason ?? '')})`
  return `${algorithm} ${figure(score)}${trials > 1 ? ` (best of ${trials} trials)` : ''}`
}

/** The figures, then what else there is to show of them. */
function describeMetrics(metrics: ModelMetrics): string[] {
  switch (metrics.task) {
    case 'classification':
      return [
        `accuracy ${figure(metrics.accuracy)}, macro F1 ${figure(metrics.macroF1)}` +
          (metrics.logLoss === null ? '' : `, log loss ${figure(metrics.logLoss)}`),
        ...confusionMatrix(metrics),
      ]
    case 'regression': {
      const r2 = metrics.r2 === null ? '' : `, R² ${figure(metrics.r2)}`
      return [`RMSE ${figure(metrics.rmse)}, MAE ${figure(metrics.mae)}${r2}`]
    }
    case 'clustering': {
      const measures = [
        ['silhouette', metrics.silhouette],
        ['Davies-Bouldin', metrics.daviesBouldin],
        ['Calinski-Harabasz', metrics.calinskiHarabasz],
      ] as const
      const told = measures.flatMap(([name, value]) =>
        value === null ? [] : [`${name} ${figure(value)}`],
      )
      return [
        [`${metrics.clusters} clusters`, ...told].join(', '),
        `rows of each: ${metrics.sizes.join(', ')}`,
      ]
    }
    default:
      return metrics satisfies never
  }
}

function confusionMatrix({ labels, confusionMatrix }: ClassificationMetrics): string[] {
  if (confusionMatrix === null || labels.length > 12) return []
  const rows = confusionMatrix.map((counts, i) => [labels[i]!, ...counts])
  return table(['actual \\ predicted', ...labels], rows).split('\n')
}

import type { ClassificationMetrics, GateDecision, DriftFinding } from '../tasks/shapes.ts'
import type { DescribedExecution } from './client.ts'
import { exitCodes } from './exit-codes.ts'
import { readableCause } from './readable-cause.ts'
import { oneLine, printLine, styled, table, type Terminal } from './terminal.ts'

/** What a training execution answers at its end; each outcome has its own fields. */
export interface TrainingOutput {
  readonly outcome?: 'registered' | 'duplicate' | 'rejected'
  readonly model?: string
  readonly version?: number
  readonly algorithm?: string
  readonly metrics?: ClassificationMetrics
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
  const { metrics, drift, promotion } = output
  const lines = [
    `${bold('Registered')}  ${output.model} version ${output.version}, ${output.algorithm}`,
  ]
  if (metrics !== undefined) {
    lines.push(
      `${bold('Metrics')}     on ${metrics.rows} held-out rows: accuracy ${metrics.accuracy.toFixed(4)}, ` +
        `macro F1 ${metrics.macroF1.toFixed(4)}` +
        (metrics.logLoss === null ? '' : `, log loss ${metrics.logLoss.toFixed(4)}`),
      ...confusionMatrix(metrics).map((line) => `            ${line}`),
    )
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

function confusionMatrix({ labels, confusionMatrix }: ClassificationMetrics): string[] {
  if (confusionMatrix === null || labels.length > 12) return []
  const rows = confusionMatrix.map((counts, i) => [labels[i]!, ...counts])
  return table(['actual \\ predicted', ...labels], rows).split('\n')
}

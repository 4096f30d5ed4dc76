import type { DriftStatus } from '../tasks/drift-status.ts'
import { figure, oneLine, type Style } from './terminal.ts'

type Stream = DriftStatus['streams'][number]
type Detection = DriftStatus['detections'][number]

export interface PlotOptions {
  /** Of the terminal. */
  readonly columns: number
  /** Colours a text, or leaves it as it is. */
  readonly style: (style: Style, text: string) => string
}

/** From 3 expected deviations below what is expected to 3 above. */
const levels = '▁▂▃▄▅▆▇█'
const furthest = 3

/** Beyond it a stream is shown as one that has moved. */
const notable = 1

/** Stands behind a block at whose end a change was detected. */
const mark = '│'

/** Below it, rows are told of no stream. */
const roomForRows = 60

/**
 * What a monitor knows, as lines: a stream a row, its latest blocks by how far they are from what is
 * expected, with a mark behind each at whose end a change was detected.
 */
export function plotDrift(status: DriftStatus, { columns, style }: PlotOptions): string[] {
  const { model, version, rows, requests, to, streams, detections } = status
  const title = style('bold', `${model} version ${version}`)
  if (streams.length === 0) return [`${title}  nothing served yet`]
  const until = to === null ? '' : `, the last at ${shortTime(to)}`
  return [
    `${title}  ${rows} rows in ${requests} requests${until}`,
    ...metricLine(status, style),
    labelsLine(status),
    '',
    ...streamLines(streams, { columns, style }),
    `${levels[0]} to ${levels.at(-1)}: ${furthest} deviations below to above what is expected; ` +
      `${mark} a change`,
    ...detectionLines(detections.slice(0, 3), style),
  ]
}

/** One detection in words. */
export function describeDetection(found: Detection): string {
  const { stream, detector, severity, before, after, changedSince } = found
  const moved = after.mean > before.mean ? 'rose' : 'fell'
  return (
    `${oneLine(stream)} ${moved} from ${figure(before.mean)} to ${figure(after.mean)} ` +
    `since ${shortTime(changedSince)} (${detector}, ${severity})`
  )
}

/** The windowed metric beside that at registration; none of a clustering. */
export function describeMetric({ metric }: DriftStatus): string | undefined {
  if (metric === null) return undefined
  const { name, value, rows, registered, registeredRows } = metric
  const now = value === null ? 'no labels yet' : `${figure(value)} of the last ${rows} labels`
  return `${name} ${now}, ${figure(registered)} of ${registeredRows} rows at registration`
}

function metricLine(status: DriftStatus, style: PlotOptions['style']): string[] {
  const text = describeMetric(status)
  if (text === undefined) return []
  return [style(hasFallen(status) ? 'red' : 'green', text)]
}

/** Whether the metric is worse than at registration by more than so few labels explain. */
function hasFallen({ metric }: DriftStatus): boolean {
  if (metric === null || metric.value === null || metric.rows === 0) return false
  const { name, value, rows, registered } = metric
  if (name === 'rmse') return value > registered * (1 + 2 / Math.sqrt(rows))
  return value < registered - 2 * Math.sqrt(0.25 / rows)
}

function labelsLine({ labels, broken }: DriftStatus): string {
  const { counted, repeated, replaced, late, unknown } = labels
  const others = Object.entries({ repeated, replaced, late, unknown, broken })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `, ${count} ${name}`)
  return `${counted} labels${others.join('')}`
}

function streamLines(streams: readonly Stream[], { columns, style }: PlotOptions): string[] {
  const names = streams.map(({ name }) => oneLine(name))
  const longest = Math.max(...names.map((name) => name.length))
  const nameWidth = Math.min(longest, Math.max(8, Math.floor(columns / 3)))
  const countWidth = Math.max(...streams.map(({ count }) => String(count).length))
  const hasRows = columns >= roomForRows
  const order = streams.map((_, i) => i).sort((a, b) => rank(streams[a]!) - rank(streams[b]!))
  return order.map((i) => {
    const stream = streams[i]!
    const name = clipped(names[i]!, nameWidth).padEnd(nameWidth)
    const count = hasRows ? ` ${String(stream.count).padStart(countWidth)}` : ''
    const away = stream.blocks.at(-1)?.away
    const now = away === undefined ? '' : `${away < 0 ? '-' : '+'}${Math.abs(away).toFixed(1)}`
    const start = `${name}${count} ${clipped(now, 6).padStart(6)} `
    const hasMoved = away !== undefined && Math.abs(away) >= notable
    const shown = hasMoved ? style('yellow', start) : start
    return shown + sparkline(stream, Math.max(1, columns - start.length), style)
  })
}

/** What matters most first: errors, then answers, then what is asked. */
function rank({ severity }: Stream): number {
  return { high: 0, medium: 1, low: 2 }[severity]
}

/** The latest blocks that fit into so many columns. */
function sparkline({ blocks }: Stream, width: number, style: PlotOptions['style']): string {
  const cells: string[] = []
  let taken = 0
  for (const { away, isDrift } of blocks.toReversed()) {
    const needed = isDrift ? 2 : 1
    if (taken + needed > width) break
    taken += needed
    cells.unshift(levelOf(away) + (isDrift ? style('red', mark) : ''))
  }
  return cells.join('')
}

function levelOf(away: number): string {
  const share = (Math.max(-furthest, Math.min(furthest, away)) + furthest) / (2 * furthest)
  return levels[Math.min(levels.length - 1, Math.floor(share * levels.length))]!
}

function detectionLines(detections: readonly Detection[], style: PlotOptions['style']): string[] {
  if (detections.length === 0) return []
  return ['', ...detections.map((one) => `${style('red', mark)} ${describeDetection(one)}`)]
}

function clipped(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join('')}…`
}

/** To the second, in UTC. */
function shortTime(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}

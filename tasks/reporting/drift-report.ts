import type { ServingDrift } from '../../events/index.ts'
import type { DriftStatus } from '../drift-status.ts'
import { figure, moment } from './figures.ts'
import {
  figureOf,
  figures,
  html,
  note,
  reportPage,
  tableOf,
  type Html,
  type HtmlValue,
  type Section,
} from './page.ts'
import { intervalsPlot, seriesColors, streamPlot } from './plots.ts'

/** Detections whose windows are drawn, the latest. */
const maxDrawn = 20

/**
 * The page about what a version serves beside what it knows.
 *
 * @param detections of the version, the newest first
 */
export function driftReport(status: DriftStatus, detections: readonly ServingDrift[]): string {
  const { model, version, from, to, requests, rows, broken, labels, metric, streams } = status
  return reportPage({
    title: `Drift of ${model}, version ${version}`,
    facts: [
      ['From', from === null ? 'nothing was served' : moment(from)],
      ['To', to === null ? '–' : moment(to)],
      ['Requests', requests],
      ['Rows', rows],
      ['Broken records', broken],
      ['Labels', html`${labels.counted} counted`],
      [
        'Other labels',
        html`${labels.repeated} repeated, ${labels.replaced} replaced, ${labels.late} late,
        ${labels.unknown} unknown`,
      ],
      ...(metric === null
        ? []
        : ([
            [`Served ${metric.name}`, html`${figure(metric.value)} on ${metric.rows} rows`],
            [
              `Registered ${metric.name}`,
              html`${metric.registered} on ${metric.registeredRows} rows`,
            ],
          ] as [string, HtmlValue][])),
      ['Detections', detections.length],
    ],
    sections: [
      detectionsSection(detections),
      ...(detections.length === 0 ? [] : [windowsSection(detections)]),
      overviewSection(streams),
      streamsSection(streams, detections, from),
    ],
  })
}

function detectionsSection(detections: readonly ServingDrift[]): Section {
  const title = 'Detections'
  if (detections.length === 0) return { title, body: note('No change was detected.') }
  const numbers = ['Statistic', 'Threshold', 'Before', 'After'].map((name) => ({
    title: name,
    isNumber: true,
  }))
  return {
    title,
    body: tableOf(
      'Changes that were detected, the newest first',
      [
        { title: 'Detected' },
        { title: 'Stream' },
        { title: 'Severity' },
        { title: 'Detector' },
        ...numbers,
        { title: 'Changed since' },
      ],
      detections.map((one) => [
        moment(one.detectedAt),
        one.stream,
        one.severity,
        one.detector,
        ...[one.statistic, one.threshold, one.before.mean, one.after.mean].map(figure),
        moment(one.changedSince),
      ]),
    ),
  }
}

function windowsSection(detections: readonly ServingDrift[]): Section {
  const drawn = detections.slice(0, maxDrawn)
  return {
    title: 'Before and after',
    body: [
      note(
        'The values before and after each change: their mean, and a deviation either way. Values of features and quantities are in deviations from the mean of what the version was trained on; the others are shares. What comes before a change may begin with a sample of what the version was trained on.',
      ),
      figures(...drawn.map(windows)),
      drawn.length < detections.length ? note(`Drawn are the latest ${drawn.length}.`) : null,
    ],
  }
}

function windows({ stream, detectedAt, before, after }: ServingDrift): Html {
  const ranges = [
    { label: 'before', window: before, color: seriesColors[0] },
    { label: 'after', window: after, color: seriesColors[1] },
  ].map(({ label, window: { mean, deviation }, color }) => {
    return { label, middle: mean, from: mean - deviation, to: mean + deviation, color }
  })
  const told = (window: ServingDrift['before']) =>
    `${figure(window.count)} values, ${moment(window.from)} to ${moment(window.to)}`
  return figureOf(
    `${stream}, detected ${moment(detectedAt)}`,
    html`${intervalsPlot(`Mean and deviation of ${stream} before and after the change`, ranges, {
      xLabel: '',
    })}${note(`Before: ${told(before)}.`)}${note(`After: ${told(after)}.`)}`,
  )
}

function overviewSection(streams: DriftStatus['streams']): Section {
  const title = 'Streams'
  if (streams.length === 0) return { title, body: note('Nothing was served yet.') }
  return {
    title,
    body: tableOf(
      'What is watched: the latest block beside what is expected',
      [
        { title: 'Stream' },
        { title: 'Severity' },
        ...['Values', 'Skipped', 'Expected', 'Latest', 'Away'].map((name) => ({
          title: name,
          isNumber: true,
        })),
        { title: 'Detectors: mean over their windows' },
      ],
      streams.map(({ name, severity, count, skipped, expected, blocks, detectors }) => [
        name,
        severity,
        count,
        skipped,
        `${figure(expected.mean)} ± ${figure(expected.deviation)}`,
        figure(blocks.at(-1)?.mean ?? null),
        figure(blocks.at(-1)?.away ?? null),
        detectors
          .map((one) => `${one.detector} ${figure(one.estimation)} of ${figure(one.width)}`)
          .join(', '),
      ]),
    ),
  }
}

function streamsSection(
  streams: DriftStatus['streams'],
  detections: readonly ServingDrift[],
  since: string | null,
): Section {
  const drawn = streams
    .map((stream) => ({ ...stream, blocks: servedBlocks(stream.blocks, since) }))
    .filter(({ blocks }) => blocks.length > 0)
  return {
    title: 'Over time',
    body: [
      note(
        'Each point is the mean of a block of values, the band a deviation either way; dashed: what is expected. A vertical line marks a detection.',
      ),
      figures(...drawn.map((stream) => overTime(stream, detections))),
    ],
  }
}

/** Without what the version was trained on, which is of a time long before. */
function servedBlocks(blocks: DriftStatus['streams'][number]['blocks'], since: string | null) {
  if (since === null) return []
  return blocks
    .filter(({ to }) => to >= since)
    .map((block) => (block.from < since ? { ...block, from: since } : block))
}

function overTime(
  { name, severity, count, expected, blocks }: DriftStatus['streams'][number],
  detections: readonly ServingDrift[],
): Html {
  const points = blocks.map(({ from, to, mean, deviation }) => {
    return { from: new Date(from), to: new Date(to), mean, deviation }
  })
  const own = detections.filter(({ stream }) => stream === name)
  const begins = points[0]!.from.getTime()
  // What has become part of an older block is not in the window that is drawn.
  const marked = own
    .map(({ detectedAt }) => new Date(detectedAt))
    .filter((at) => at.getTime() >= begins)
  const since = `${moment(blocks[0]!.from)} to ${moment(blocks.at(-1)!.to)}`
  const many = own.length === 1 ? '1 detection' : `${own.length} detections`
  return figureOf(
    `${name} (${severity}): ${figure(count)} values, ${many}`,
    html`${streamPlot(`Means of ${name} over time`, points, expected.mean, marked)}${note(since)}`,
  )
}

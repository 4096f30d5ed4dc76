import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { ValueHistogram } from '../../ml/data/index.ts'
import { clipped } from '../clipped.ts'
import { figure } from './figures.ts'
import { html, Html, plainText } from './page.ts'

/** Plots as SVG in HTML. Colors are the page's variables, so that they follow its theme. */

/** Colors of series, in this order. */
export const seriesColors = [
  'var(--one)',
  'var(--two)',
  'var(--three)',
  'var(--four)',
  'var(--five)',
  'var(--six)',
] as const

/** Characters of a label beside an axis. */
const maxLabel = 22

const width = 360

/** How often values were in each bin. */
export function histogramPlot(
  described: string,
  { edges, counts }: ValueHistogram,
  options: { readonly color?: string; readonly xLabel?: string } = {},
): Html {
  const { color = seriesColors[0], xLabel = '' } = options
  const bins = counts.map((count, i) => barOf(edges[i]!, edges[i + 1]!, count))
  return rendered(described, {
    width,
    height: 150,
    marginLeft: 50,
    x: { label: xLabel || null, ticks: 4, tickFormat: short },
    y: { label: null, ticks: 4, tickFormat: short, grid: true },
    marks: [
      Plot.rectY(bins, { x1: 'from', x2: 'to', y: 'count', fill: color, insetLeft: 0.5 }),
      Plot.ruleY([0]),
    ],
  })
}

/** One value has no width: it is drawn as if it had. */
function barOf(from: number, to: number, count: number) {
  const half = from === to ? Math.max(Math.abs(from) * 0.05, 0.5) : 0
  return { from: from - half, to: to + half, count }
}

export interface Bar {
  readonly label: string
  readonly value: number
  /** From and to, drawn as a line. */
  readonly range?: readonly [number, number]
}

/** A bar for each label, one below the other. */
export function barsPlot(
  described: string,
  bars: readonly Bar[],
  options: { readonly color?: string; readonly xLabel?: string } = {},
): Html {
  const { color = seriesColors[0], xLabel = '' } = options
  const data = bars.map(({ value, range }, i) => ({ i, value, from: range?.[0], to: range?.[1] }))
  const ranges = data.filter(({ from }) => from !== undefined)
  const isNothing = bars.every(({ value, range = [0, 0] }) => value === 0 && range[0] === range[1])
  return rendered(described, {
    width,
    height: 45 + bars.length * 18,
    marginLeft: leftOf(bars.map(({ label }) => label)),
    marginRight: 16,
    x: {
      label: xLabel || null,
      ticks: 4,
      tickFormat: short,
      grid: true,
      // Of nothing but zeros every bar would fill the frame.
      ...(isNothing ? { domain: [0, 1] } : {}),
    },
    y: named(bars.map(({ label }) => label)),
    marks: [
      Plot.barX(data, { x: 'value', y: 'i', fill: color }),
      Plot.ruleY(ranges, { x1: 'from', x2: 'to', y: 'i', stroke: 'currentColor' }),
      Plot.ruleX([0]),
    ],
  })
}

export interface Line {
  readonly x: ArrayLike<number>
  readonly y: ArrayLike<number>
  readonly color: string
}

export interface LinesOptions {
  readonly xLabel: string
  readonly yLabel: string
  /** Both axes from 0 to 1. */
  readonly isShares?: boolean
  /** What the diagonal stands for is said in the caption. */
  readonly hasDiagonal?: boolean
  readonly hasDots?: boolean
}

/** Lines in one frame, such as curves of several classes. */
export function linesPlot(described: string, lines: readonly Line[], options: LinesOptions): Html {
  const { xLabel, yLabel, isShares = false, hasDiagonal = false, hasDots = false } = options
  const domain = isShares ? { domain: [0, 1] } : {}
  return rendered(described, {
    width,
    height: 300,
    marginLeft: 50,
    x: { label: xLabel, ticks: 5, tickFormat: short, grid: true, ...domain },
    y: { label: yLabel, ticks: 5, tickFormat: short, grid: true, ...domain },
    marks: [
      ...(hasDiagonal
        ? [
            Plot.line(
              [
                [0, 0],
                [1, 1],
              ],
              { stroke: 'var(--soft)', strokeDasharray: '4 4' },
            ),
          ]
        : []),
      ...lines.flatMap(({ x, y, color }) => [
        Plot.line(pairs(x, y), { stroke: color, strokeWidth: 2 }),
        // Markers of lines have names, of which the next page would have others.
        ...(hasDots ? [Plot.dot(pairs(x, y), { fill: color, r: 4 })] : []),
      ]),
    ],
  })
}

export interface ScatterOptions {
  readonly xLabel: string
  readonly yLabel: string
  /** Where the points would be if all were right. */
  readonly right: 'diagonal' | 'zero'
}

export function scatterPlot(
  described: string,
  { x, y }: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> },
  { xLabel, yLabel, right }: ScatterOptions,
): Html {
  const points = pairs(x, y).map(([a, b]) => [rounded(a), rounded(b)] as [number, number])
  const [least, most] = boundsOf(points.flat())
  return rendered(described, {
    width,
    height: 300,
    marginLeft: 60,
    x: { label: xLabel, ticks: 5, tickFormat: short, grid: true },
    y: { label: yLabel, ticks: 5, tickFormat: short, grid: true },
    marks: [
      right === 'zero'
        ? Plot.ruleY([0], { stroke: 'var(--soft)' })
        : Plot.line(
            [
              [least, least],
              [most, most],
            ],
            { stroke: 'var(--soft)' },
          ),
      Plot.dot(points, { r: 2, fill: seriesColors[0], fillOpacity: 0.5 }),
    ],
  })
}

export interface HeatOptions {
  /** By which a cell is as strong as can be. */
  readonly most: number
  readonly xLabel?: string
  readonly yLabel?: string
  /** Written into the cells. @default nothing */
  readonly text?: (value: number) => string
}

/** A square of cells; negative ones have another color. Null is left empty. */
export function heatPlot(
  described: string,
  labels: readonly string[],
  values: readonly (readonly (number | null)[])[],
  { most, xLabel, yLabel, text }: HeatOptions,
): Html {
  const cells = values.flatMap((row, y) =>
    row.flatMap((value, x) => (value === null ? [] : [{ x, y, value }])),
  )
  const side = Math.max(14, Math.min(48, 260 / labels.length))
  const left = leftOf(labels)
  const size = labels.length * side
  return rendered(described, {
    width: left + size + 12,
    height: size + left + 8,
    marginLeft: left + (yLabel === undefined ? 0 : 14),
    marginBottom: left,
    marginTop: 8,
    marginRight: 12,
    x: { ...named(labels), tickRotate: -90, label: xLabel ?? null, labelAnchor: 'center' },
    y: { ...named(labels), label: yLabel ?? null, labelAnchor: 'center' },
    opacity: { type: 'linear', domain: [0, most === 0 ? 1 : most], range: [0.04, 0.9] },
    marks: [
      Plot.cell(cells, {
        x: 'x',
        y: 'y',
        fill: ({ value }: { value: number }) => (value < 0 ? seriesColors[1] : seriesColors[0]),
        fillOpacity: ({ value }: { value: number }) => Math.abs(value),
        inset: 0.5,
      }),
      ...(text === undefined
        ? []
        : [
            Plot.text(cells, {
              x: 'x',
              y: 'y',
              text: ({ value }: { value: number }) => text(value),
            }),
          ]),
    ],
  })
}

export interface Interval {
  readonly label: string
  readonly from: number
  readonly to: number
  readonly middle: number
  readonly color?: string
}

/** Ranges with their middles, one below the other, and values to hold them against. */
export function intervalsPlot(
  described: string,
  intervals: readonly Interval[],
  options: { readonly xLabel: string; readonly marks?: readonly number[] },
): Html {
  const { marks = [] } = options
  const data = intervals.map(({ from, to, middle, color = seriesColors[0] }, i) => {
    return { i, from, to, middle, color }
  })
  return rendered(described, {
    width,
    height: 60 + intervals.length * 22,
    marginLeft: leftOf(intervals.map(({ label }) => label)),
    marginRight: 16,
    x: {
      label: options.xLabel || null,
      ticks: 4,
      tickFormat: short,
      grid: true,
      domain: roomFor([...intervals.flatMap(({ from, to }) => [from, to]), ...marks]),
    },
    y: named(intervals.map(({ label }) => label)),
    marks: [
      Plot.ruleX(marks, { stroke: 'var(--soft)', strokeDasharray: '4 4' }),
      Plot.ruleY(data, { x1: 'from', x2: 'to', y: 'i', stroke: 'color', strokeWidth: 3 }),
      Plot.dot(data, { x: 'middle', y: 'i', fill: 'color', r: 4 }),
    ],
  })
}

export interface StreamPoint {
  readonly from: Date
  readonly to: Date
  readonly mean: number
  readonly deviation: number
}

/** The means of a stream over time in a band of their deviations; the expected mean; detections. */
export function streamPlot(
  described: string,
  points: readonly StreamPoint[],
  expected: number,
  detections: readonly Date[],
): Html {
  const data = points.map(({ from, to, mean, deviation }) => ({
    at: new Date((from.getTime() + to.getTime()) / 2),
    mean,
    low: mean - deviation,
    high: mean + deviation,
  }))
  return rendered(described, {
    width,
    height: 180,
    marginLeft: 50,
    x: { type: 'utc', label: null, ticks: 4 },
    y: { label: null, ticks: 4, tickFormat: short, grid: true },
    marks: [
      Plot.areaY(data, {
        x: 'at',
        y1: 'low',
        y2: 'high',
        fill: seriesColors[0],
        fillOpacity: 0.15,
      }),
      Plot.ruleY([expected], { stroke: 'var(--soft)', strokeDasharray: '4 4' }),
      Plot.line(data, { x: 'at', y: 'mean', stroke: seriesColors[0], strokeWidth: 2 }),
      Plot.dot(data, { x: 'at', y: 'mean', fill: seriesColors[0], r: 2 }),
      Plot.ruleX(detections, { stroke: 'var(--bad)', strokeWidth: 2 }),
    ],
  })
}

const { document } = parseHTML('<html></html>') as { document: unknown }

/** Of one plot; a page has one of its own. */
const styles = /<style>[^<]*<\/style>/g

function rendered(described: string, options: Plot.PlotOptions & { readonly width: number }): Html {
  const all = { document, ...options } as Plot.PlotOptions
  const { outerHTML } = Plot.plot(all) as { outerHTML: string }
  const svg = outerHTML.replaceAll(styles, '').replaceAll(/ xmlns(:\w+)?="[^"]*"/g, '')
  // A small plot is not blown up to the width of a large one.
  const most = Math.round(options.width * largest)
  const opened = html`<svg role="img" aria-label="${described}" style="max-width:${String(most)}px" `
  return new Html(svg.replace('<svg ', () => opened.text))
}

/** How much larger than drawn a plot may be shown. */
const largest = 1.25

/** Places that are told apart by their numbers: labels may be alike. */
function named(labels: readonly string[]) {
  return {
    type: 'band' as const,
    domain: labels.map((_, i) => i),
    tickFormat: (i: number) => clipped(plainText(labels[i] ?? ''), maxLabel),
    label: null,
    tickSize: 0,
  }
}

/** Room for labels, about six pixels a character. */
function leftOf(labels: readonly string[]): number {
  const longest = Math.max(3, ...labels.map(({ length }) => Math.min(length, maxLabel)))
  return 12 + longest * 6.2
}

function pairs(x: ArrayLike<number>, y: ArrayLike<number>): [number, number][] {
  return Array.from({ length: x.length }, (_, i): [number, number] => [x[i]!, y[i]!]).filter(
    ([a, b]) => Number.isFinite(a) && Number.isFinite(b),
  )
}

/** From the least to the greatest; where they are one, with room around it. */
function roomFor(values: readonly number[]): [number, number] {
  const [least, most] = boundsOf(values)
  const room = least === most ? Math.abs(least) * 0.1 || 1 : 0
  return [least - room, most + room]
}

function boundsOf(values: readonly number[]): [number, number] {
  let [least, most] = [Infinity, -Infinity]
  for (const value of values) {
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  return least > most ? [0, 1] : [least, most]
}

/** Beyond four digits nobody sees a difference, but the file grows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

function short(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e5 || (size < 1e-3 && size > 0)) return value.toExponential(1).replace('e+', 'e')
  return figure(value)
}

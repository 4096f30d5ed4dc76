import type { DriftFinding } from '../shapes.ts'
import type { DatasetSummary, DescribedColumn } from './dataset-summary.ts'
import { figure, percent } from './figures.ts'
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
import { barsPlot, heatPlot, histogramPlot } from './plots.ts'
import { aboutFacts, type ReportAbout } from './report-about.ts'

/** Pairs of columns that are told with their correlation. */
const strongestPairs = 15

/** The page about the rows that a version learned from and was judged on. */
export function datasetReport(
  about: ReportAbout,
  summary: DatasetSummary,
  drift: DriftFinding,
): string {
  const { rows, features, learned, heldOut, duplicates, missingCells } = summary
  return reportPage({
    title: `Dataset of ${about.model}, version ${about.version}`,
    facts: [
      ...aboutFacts(about),
      ['Task', summary.task],
      ['Rows', rows],
      ['Features', features],
      ['Learned from', html`${learned} rows`],
      ['Held out', html`${heldOut} rows`],
      ['Repeated rows', html`${duplicates.count} (${percent(duplicates.share)})`],
      ['Missing values', html`${missingCells} (${percent(missingCells / (rows * features))})`],
    ],
    sections: [
      ...classesSection(summary),
      columnsSection(summary),
      distributionsSection(summary),
      missingSection(summary),
      correlationsSection(summary),
      driftSection(drift),
    ],
  })
}

function classesSection({ classes, classesInAll, rows }: DatasetSummary): Section[] {
  if (classes.length === 0) return []
  const bars = classes.map(({ label, rows }) => ({ label, value: rows }))
  return [
    {
      title: 'Classes',
      body: [
        figures(
          figureOf('Rows of each class', barsPlot('Rows of each class', bars, { xLabel: 'rows' })),
          tableOf(
            'Rows of each class',
            [
              { title: 'Class' },
              { title: 'Rows', isNumber: true },
              { title: 'Share', isNumber: true },
              { title: 'Learned from', isNumber: true },
              { title: 'Held out', isNumber: true },
            ],
            classes.map((one) => [
              one.label,
              one.rows,
              percent(one.rows / rows),
              one.learned,
              one.heldOut,
            ]),
          ),
        ),
        beyond(classes.length, classesInAll, 'classes', 'with the most rows'),
      ],
    },
  ]
}

function columnsSection({ columns, features }: DatasetSummary): Section {
  const numbers = ['Missing', 'Distinct', 'Mean', 'Deviation', 'Least', '5%', '25%', 'Median']
  const titles = [...numbers, '75%', '95%', 'Greatest']
  return {
    title: 'Columns',
    body: [
      tableOf(
        'What is in each column',
        [
          { title: 'Column' },
          { title: 'Type' },
          ...titles.map((title) => ({ title, isNumber: true })),
        ],
        columns.map(({ role, type, summary: one }) => [
          role === 'target' ? html`${one.name} <small>(target)</small>` : one.name,
          typeOf(type, one.distinct),
          missingTold(one.missing + one.infinite, one.count),
          one.distinct,
          ...[one.mean, one.standardDeviation, one.min].map(figure),
          ...[one.quantiles.q05, one.quantiles.q25, one.quantiles.q50].map(figure),
          ...[one.quantiles.q75, one.quantiles.q95, one.max].map(figure),
        ]),
      ),
      beyond(columns.filter(({ role }) => role === 'feature').length, features, 'features'),
    ],
  }
}

function typeOf(type: DescribedColumn['type'], distinct: number): string {
  return distinct <= 1 ? `${type}, constant` : type
}

function missingTold(missing: number, rows: number): string {
  return missing === 0 ? '0' : `${figure(missing)} (${percent(missing / rows)})`
}

function distributionsSection({ columns }: DatasetSummary): Section {
  return { title: 'Distributions', body: figures(...columns.map(distribution)) }
}

function distribution({ role, summary, histogram, categories }: DescribedColumn): Html {
  const name = role === 'target' ? `${summary.name} (target)` : summary.name
  const described = `How the values of ${name} are distributed`
  if (categories !== null) {
    const bars = categories.map(({ label, rows }) => ({ label, value: rows }))
    const others = summary.distinct - bars.length
    const told = others > 0 ? `${name}: the commonest, and ${others} more` : name
    return figureOf(told, bars.length === 0 ? nothing() : barsPlot(described, bars))
  }
  const isEmpty = histogram === null || histogram.counts.length === 0
  return figureOf(name, isEmpty ? nothing() : histogramPlot(described, histogram))
}

function nothing(): Html {
  return note('No value.')
}

function missingSection({ missing, featuresWithMissing, rows }: DatasetSummary): Section {
  const title = 'Missing values'
  if (missing.length === 0) return { title, body: note('No feature has a missing value.') }
  const bars = missing.map((one) => ({ label: one.name, value: one.rows / rows }))
  return {
    title,
    body: [
      figures(
        figureOf(
          'Share of the rows without a value',
          barsPlot('Share of the rows without a value', bars, { color: 'var(--two)' }),
        ),
        tableOf(
          'Rows without a value',
          [
            { title: 'Feature' },
            { title: 'Rows', isNumber: true },
            { title: 'Share', isNumber: true },
          ],
          missing.map((one) => [one.name, one.rows, percent(one.rows / rows)]),
        ),
      ),
      beyond(missing.length, featuresWithMissing, 'features with missing values'),
    ],
  }
}

function correlationsSection({ correlations: { names, values } }: DatasetSummary): Section {
  const title = 'Correlations'
  if (names.length < 2) return { title, body: note('It takes two columns of numbers.') }
  const pairs = names
    .flatMap((a, i) =>
      names.slice(0, i).map((b, j) => ({ a: b, b: a, value: values[i]![j] ?? null })),
    )
    .filter((pair): pair is { a: string; b: string; value: number } => pair.value !== null)
    .sort((one, other) => Math.abs(other.value) - Math.abs(one.value))
    .slice(0, strongestPairs)
  return {
    title,
    body: [
      note(
        'Pearson’s, over the rows where both columns have a value; empty where a column does not vary.',
      ),
      figures(
        figureOf(
          `Correlations of ${names.length} columns`,
          heatPlot(`Correlations of ${names.length} columns with one another`, names, values, {
            most: 1,
          }),
          [
            { label: 'both rise together', color: 'var(--one)' },
            { label: 'one falls as the other rises', color: 'var(--two)' },
          ],
        ),
        tableOf(
          'The strongest',
          [{ title: 'Column' }, { title: 'Column' }, { title: 'Correlation', isNumber: true }],
          pairs.map(({ a, b, value }) => [a, b, value.toFixed(3)]),
        ),
      ),
    ],
  }
}

function driftSection({ verdict, againstVersion, reasons }: DriftFinding): Section {
  const against = againstVersion === null ? '' : ` against version ${againstVersion}`
  return {
    title: 'Beside what the champion learned from',
    body: [
      html`<p>Verdict: <strong>${verdict}</strong>${against}</p>`,
      reasons.length === 0
        ? null
        : html`<ul>
            ${reasons.map((one) => html`<li>${one}</li>`)}
          </ul>`,
    ],
  }
}

/** Says so where not all are shown. */
function beyond(shown: number, inAll: number, what: string, which = 'that come first'): HtmlValue {
  return shown >= inAll ? null : note(`Of ${figure(inAll)} ${what} the ${shown} ${which}.`)
}

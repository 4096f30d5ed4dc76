import { titleOf, isLessBetter } from '../chosen-metric.ts'
import type { Evaluation, GateDecision, MetricName, ModelMetrics } from '../shapes.ts'
import { classesSections } from './class-sections.ts'
import type { EvaluationSummary, Importances, ResidualsSummary } from './evaluation-summary.ts'
import { figure, percent } from './figures.ts'
import {
  figureOf,
  figures,
  html,
  note,
  reportPage,
  tableOf,
  type HtmlValue,
  type Section,
} from './page.ts'
import { barsPlot, histogramPlot, intervalsPlot, scatterPlot } from './plots.ts'
import { aboutFacts, type ReportAbout } from './report-about.ts'

/** Candidates that are told one by one. */
const maxCandidates = 50

/** Characters of a candidate's settings. */
const maxSettings = 300

/** The page about how a version did on rows that it did not learn from, and what the gate made of it. */
export function evaluationReport(
  about: ReportAbout,
  summary: EvaluationSummary,
  evaluation: Pick<Evaluation, 'candidates' | 'leftOut' | 'decision' | 'split'>,
): string {
  const { metrics, classes, residuals, importances } = summary
  return reportPage({
    title: `Evaluation of ${about.model}, version ${about.version}`,
    facts: [
      ...aboutFacts(about),
      ['Task', metrics.task],
      [
        'Held-out rows',
        html`${metrics.rows} (share asked for: ${percent(evaluation.split.heldOut)})`,
      ],
      ['Gate', evaluation.decision.verdict],
    ],
    sections: [
      gateSection(evaluation.decision),
      metricsSection(metrics),
      ...(classes === null ? [] : classesSections(classes)),
      ...(residuals === null ? [] : [residualsSection(residuals)]),
      ...(metrics.task === 'clustering' ? [clustersSection(metrics)] : []),
      ...(importances === null ? [] : [importancesSection(importances)]),
      candidatesSection(evaluation),
    ],
  })
}

function gateSection(decision: GateDecision): Section {
  const { verdict, promote, metric, rows, margin, difference, interval, championVersion } = decision
  const isShare = isLessBetter(metric)
  const verdictTold = html`<strong class="${promote ? 'good' : 'bad'}">${verdict}</strong>`
  return {
    title: 'The gate',
    body: [
      html`<p>${verdictTold}: ${decision.reason}</p>`,
      figures(
        interval === null || difference === null
          ? null
          : figureOf(
              `Difference of ${titleOf(metric)}, this version minus version ${championVersion}, with its 95% interval; dashed: 0`,
              intervalsPlot(
                'The difference with its 95% interval, and 0',
                [{ label: '', from: interval[0], to: interval[1], middle: difference }],
                { xLabel: titleOf(metric), marks: [0] },
              ),
            ),
        tableOf(
          'What it rests on',
          [{ title: 'Number' }, { title: 'Value' }],
          [
            ['Metric', `${titleOf(metric)} (${isShare ? 'less' : 'more'} is better)`],
            ['Champion', championVersion === null ? 'none' : `version ${championVersion}`],
            ['Rows that neither learned from', rows],
            ['Margin', isShare ? `${percent(margin)} of the champion’s` : figure(margin)],
            ['Difference', figure(difference)],
            [
              '95% interval',
              interval === null ? '–' : `${figure(interval[0])} to ${figure(interval[1])}`,
            ],
            ['Promoted by the gate', promote ? 'yes' : 'no'],
          ],
        ),
      ),
    ],
  }
}

function metricsSection(metrics: ModelMetrics): Section {
  const rows = Object.entries(metrics).filter((entry): entry is [string, number | null] =>
    entry[1] === null ? entry[0] !== 'confusionMatrix' : typeof entry[1] === 'number',
  )
  return {
    title: 'Metrics',
    body: tableOf(
      'On all held-out rows',
      [{ title: 'Metric' }, { title: 'Value', isNumber: true }],
      rows.map(([name, value]) => [inWords(name), figure(value)]),
    ),
  }
}

/** `balancedAccuracy` as `balanced accuracy`. */
function inWords(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function residualsSection(residuals: ResidualsSummary): Section {
  const { histogram, quartiles, mean, target, predicted } = residuals
  const errors = target.map((value, i) => value - predicted[i]!)
  const names = ['Least', '25%', 'Median', '75%', 'Greatest']
  const drawn = `${target.length} rows`
  return {
    title: 'Residuals',
    body: [
      note('A residual is the target minus the answer.'),
      figures(
        figureOf(
          `Answer and target of ${drawn}; line: as answered`,
          scatterPlot(
            'Answer and target',
            { x: predicted, y: target },
            {
              xLabel: 'answer',
              yLabel: 'target',
              right: 'diagonal',
            },
          ),
        ),
        figureOf(
          `Answer and residual of ${drawn}`,
          scatterPlot(
            'Answer and residual',
            { x: predicted, y: errors },
            {
              xLabel: 'answer',
              yLabel: 'residual',
              right: 'zero',
            },
          ),
        ),
        figureOf(
          'Residuals of all held-out rows',
          histogramPlot('How the residuals are distributed', histogram),
        ),
        tableOf(
          'Residuals',
          [{ title: 'Number' }, { title: 'Value', isNumber: true }],
          [['Mean', figure(mean)], ...quartiles.map((value, i) => [names[i]!, figure(value)])],
        ),
      ),
    ],
  }
}

function clustersSection({ sizes }: Extract<ModelMetrics, { task: 'clustering' }>): Section {
  const rows = sizes.reduce((sum, size) => sum + size, 0)
  const bars = sizes.slice(0, maxCandidates).map((value, i) => ({ label: `cluster ${i}`, value }))
  return {
    title: 'Clusters',
    body: figures(
      figureOf(
        'Held-out rows in each cluster',
        barsPlot('Held-out rows in each cluster', bars, { xLabel: 'rows' }),
      ),
      tableOf(
        'Held-out rows in each cluster',
        [
          { title: 'Cluster' },
          { title: 'Rows', isNumber: true },
          { title: 'Share', isNumber: true },
        ],
        bars.map(({ label, value }) => [label, value, percent(value / rows)]),
      ),
    ),
  }
}

function importancesSection(importances: Importances): Section {
  const { metric, rows, repeats, features, featuresInAll } = importances
  const worse = `${titleOf(metric)} ${isLessBetter(metric) ? 'gained' : 'lost'}`
  const bars = features.map(({ name, mean, deviation }) => ({
    label: name,
    value: mean,
    range: [mean - deviation, mean + deviation] as const,
  }))
  return {
    title: 'Importances of the features',
    body: [
      note(
        `How much worse ${titleOf(metric)} becomes when a feature’s values are shuffled among ${figure(rows)} held-out rows, the mean of ${repeats} shuffles; lines: a deviation either way. A feature that another one repeats looks less important than it is.`,
      ),
      figures(
        figureOf(worse, barsPlot('Importances of the features', bars, { xLabel: worse })),
        tableOf(
          worse,
          [
            { title: 'Feature' },
            { title: 'Mean', isNumber: true },
            { title: 'Deviation', isNumber: true },
          ],
          features.map(({ name, mean, deviation }) => [name, figure(mean), figure(deviation)]),
        ),
      ),
      features.length < featuresInAll
        ? note(`Measured are the first ${features.length} of ${figure(featuresInAll)} features.`)
        : null,
    ],
  }
}

function candidatesSection({
  candidates,
  leftOut,
  decision: { metric },
}: Pick<Evaluation, 'candidates' | 'leftOut' | 'decision'>): Section {
  const shown = candidates.slice(0, maxCandidates)
  const trained = shown.flatMap((one) => (one.outcome === 'trained' ? [one] : []))
  const intervals = trained.map(({ algorithm, crossValidation: { score, folds } }) => ({
    label: algorithm,
    middle: score,
    from: Math.min(score, ...folds),
    to: Math.max(score, ...folds),
  }))
  return {
    title: 'Candidates',
    body: [
      trained.length === 0
        ? null
        : figures(
            figureOf(
              `${titleOf(metric)} in cross-validation: the mean, and from the least to the greatest fold`,
              intervalsPlot('Scores of the candidates in cross-validation', intervals, {
                xLabel: `${titleOf(metric)} (${isLessBetter(metric) ? 'less' : 'more'} is better)`,
              }),
            ),
          ),
      tableOf(
        'What raced',
        [
          { title: 'Algorithm' },
          { title: titleOfScore(metric), isNumber: true },
          { title: 'Folds' },
          { title: 'Trials', isNumber: true },
          { title: 'Settings, or why it could not be learned' },
        ],
        shown.map((one): HtmlValue[] => {
          if (one.outcome === 'skipped') return [one.algorithm, '–', '–', '–', one.reason]
          const { score, folds, trials, hyperparameters } = one.crossValidation
          const settings = Object.entries(hyperparameters)
            .map(([name, value]) => `${name} ${String(value)}`)
            .join(', ')
          return [
            one.algorithm,
            figure(score),
            folds.map(figure).join(', '),
            trials,
            settings === '' ? 'defaults' : settings.slice(0, maxSettings),
          ]
        }),
      ),
      leftOut.length === 0
        ? null
        : tableOf(
            'Not raced',
            [{ title: 'Algorithm' }, { title: 'Reason' }, { title: 'Instead' }],
            leftOut.map(({ algorithm, reason, instead }) => [algorithm, reason, instead]),
          ),
    ],
  }
}

function titleOfScore(metric: MetricName): string {
  return `Mean ${titleOf(metric)}`
}

import type { ClassesSummary } from './evaluation-summary.ts'
import { figure } from './figures.ts'
import { figureOf, figures, html, note, tableOf, type HtmlValue, type Section } from './page.ts'
import { heatPlot, linesPlot, seriesColors } from './plots.ts'

/** How classes were told apart: counts, curves, and what the probabilities are worth. */
export function classesSections({
  shown,
  inAll,
  confusion,
  calibration,
}: ClassesSummary): Section[] {
  const most = Math.max(...confusion.counts.flat())
  const numbers = (titles: readonly string[]) => titles.map((title) => ({ title, isNumber: true }))
  const titles = ['Rows', 'Precision', 'Recall', 'F1', 'ROC AUC', 'Average precision']
  return [
    {
      title: 'Confusion matrix',
      body: [
        figures(
          figureOf(
            'Rows by their class (down) and the class that was answered (across)',
            heatPlot('Rows by actual and answered class', confusion.labels, confusion.counts, {
              most,
              xLabel: 'answered',
              yLabel: 'actual',
              ...(confusion.labels.length <= 10 ? { text: figure } : {}),
            }),
          ),
          tableOf(
            'Rows by actual (down) and answered class (across)',
            [{ title: 'Actual' }, ...numbers(confusion.labels)],
            confusion.labels.map((label, i) => [label, ...confusion.counts[i]!]),
          ),
        ),
        beyond(shown.length, inAll),
      ],
    },
    {
      title: 'Classes',
      body: [
        tableOf(
          'Each class against all others',
          [{ title: 'Class' }, ...numbers(titles)],
          shown.map(({ label, rows, precision, recall, f1, ranking }) => [
            label,
            rows,
            ...[precision, recall, f1].map(figure),
            figure(ranking?.auc ?? null),
            figure(ranking?.averagePrecision ?? null),
          ]),
        ),
        beyond(shown.length, inAll),
      ],
    },
    curvesSection(shown),
    ...(calibration === null ? [] : [calibrationSection(calibration)]),
  ]
}

function curvesSection(shown: ClassesSummary['shown']): Section {
  const title = 'ROC and precision-recall'
  const ranked = shown.flatMap(({ label, rows, ranking }) =>
    ranking === null ? [] : [{ label, rows, ...ranking }],
  )
  // Of two classes one curve says all that the other does.
  const drawn = (shown.length === 2 ? ranked.slice(-1) : ranked)
    .toSorted((a, b) => b.rows - a.rows)
    .slice(0, seriesColors.length)
    .map((one, i) => ({ ...one, color: seriesColors[i]! }))
  if (drawn.length === 0) {
    return {
      title,
      body: note('It takes a model with probabilities, and rows both of a class and not.'),
    }
  }
  const legend = drawn.map(({ label, color }) => ({ label, color }))
  return {
    title,
    body: [
      figures(
        figureOf(
          'Receiver operating characteristic; dashed: chance',
          linesPlot(
            'Receiver operating characteristic of each class',
            drawn.map(({ roc, color }) => ({ ...roc, color })),
            {
              xLabel: 'false positive rate',
              yLabel: 'true positive rate',
              isShares: true,
              hasDiagonal: true,
            },
          ),
          legend,
        ),
        figureOf(
          'Precision and recall',
          linesPlot(
            'Precision and recall of each class',
            drawn.map(({ precisionRecall, color }) => ({ ...precisionRecall, color })),
            { xLabel: 'recall', yLabel: 'precision', isShares: true },
          ),
          legend,
        ),
      ),
      ranked.length > drawn.length && shown.length > 2
        ? note(`Drawn are the ${drawn.length} classes with the most rows.`)
        : null,
    ],
  }
}

function calibrationSection({
  of,
  curve,
  error,
}: NonNullable<ClassesSummary['calibration']>): Section {
  return {
    title: 'Calibration',
    body: [
      note(
        html`The probability given to ${of}, and how often it was right. The mean distance from the
        diagonal, weighted by rows, is ${figure(error)}.`,
      ),
      figures(
        figureOf(
          'Given and observed; dashed: as given',
          linesPlot(
            'Given and observed probability',
            [{ x: curve.predicted, y: curve.observed, color: seriesColors[0] }],
            {
              xLabel: 'given',
              yLabel: 'observed',
              isShares: true,
              hasDiagonal: true,
              hasDots: true,
            },
          ),
        ),
        tableOf(
          'Bins of equal width that hold a row',
          ['Given', 'Observed', 'Rows'].map((title) => ({ title, isNumber: true })),
          curve.rows.map((rows, bin) => [
            figure(curve.predicted[bin]!),
            figure(curve.observed[bin]!),
            rows,
          ]),
        ),
      ),
    ],
  }
}

function beyond(shown: number, inAll: number): HtmlValue {
  if (shown >= inAll) return null
  return note(
    `Of ${figure(inAll)} classes the ${shown} with the most held-out rows; (others) are the rest.`,
  )
}

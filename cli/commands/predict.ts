import { type Command, InvalidArgumentError } from 'commander'
import { formatModel, parseModel } from '../../tasks/names.ts'
import { connect } from '../connect.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { oneLine, printJson, printLine } from '../terminal.ts'

export interface Answer {
  readonly id: string
  readonly model: string
  readonly version: number
  readonly predictions: readonly (number | string)[]
  readonly probabilities: readonly (readonly number[])[] | null
  readonly classes: readonly (number | string)[] | null
}

/** A cell of a row as it was typed: a number, the text of a category, or nothing. */
type Cell = number | string | null

export function addPredict(program: Command, { terminal }: Run): void {
  const command = program
    .command('predict')
    .argument('<model>', 'as <user>/<dataset>')
    .argument('<row...>', 'rows of features, each as 6.5,2.8,4.6,1.5 or 0.3,Ideal,,61', readRow)
    .description('ask a model about one or more rows')
    .option('--at <version>', 'ask this version, not the champion', wholeNumber(0, 2 ** 31))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Text is a category's name; an empty cell is a missing value. A row that begins with a negative number
goes after "--".

Examples:
  $ millrace predict ada/iris 6.5,2.8,4.6,1.5
  $ millrace predict ada/iris --at 0 6.5,2.8,4.6,1.5 5.1,3.5,1.4,0.2
  $ millrace predict ada/iris --stack Millrace 6.5,2.8,4.6,1.5
  $ millrace predict ada/offsets -- -1.5,0.2`,
    )
    .action(async (name: string, rows: Cell[][], options: { json?: boolean; at?: number }) => {
      const model = formatModel(parseModel(name))
      const client = await connect(locationOf(command), terminal.signal)
      const query = options.at === undefined ? '' : `?version=${options.at}`
      const answer = await client.post<Answer>(`/models/${model}/predictions${query}`, {
        instances: rows,
      })
      if (options.json) return printJson(terminal.out, answer)
      for (const line of describeAnswer(answer)) printLine(terminal.out, line)
    })
  addLocationOptions(command)
}

export function describeAnswer({ predictions, probabilities, classes, ...rest }: Answer): string[] {
  return predictions.map((prediction, i) => {
    const shares = probabilities?.[i]
      ?.map((p, j) => `${oneLine(String(classes?.[j]))}: ${p.toFixed(4)}`)
      .join(', ')
    const odds = shares === undefined ? '' : ` (${shares})`
    return `${oneLine(String(prediction))}${odds}  by ${rest.model} version ${rest.version}`
  })
}

function readRow(text: string, before: Cell[][] = []): Cell[][] {
  const row = text.split(',').map((cell): Cell => {
    const trimmed = cell.trim()
    if (trimmed === '') return null
    const value = Number(trimmed)
    return Number.isNaN(value) ? trimmed : value
  })
  const wrong = row.findIndex((value) => typeof value === 'number' && !Number.isFinite(value))
  if (wrong >= 0) {
    throw new InvalidArgumentError(`Feature ${wrong} of "${text}" is not a finite number.`)
  }
  return [...before, row]
}

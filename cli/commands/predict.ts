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
  readonly classes: readonly (number | string)[]
}

export function addPredict(program: Command, { terminal }: Run): void {
  const command = program
    .command('predict')
    .argument('<model>', 'as <user>/<dataset>')
    .argument('<row...>', 'rows of features, each as 6.5,2.8,4.6,1.5', readRow)
    .description('ask a model about one or more rows')
    .option('--at <version>', 'ask this version, not the champion', wholeNumber(0, 2 ** 31))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
A row that begins with a negative number goes after "--".

Examples:
  $ millrace predict ada/iris 6.5,2.8,4.6,1.5
  $ millrace predict ada/iris --at 0 6.5,2.8,4.6,1.5 5.1,3.5,1.4,0.2
  $ millrace predict ada/iris --stack Millrace 6.5,2.8,4.6,1.5
  $ millrace predict ada/offsets -- -1.5,0.2`,
    )
    .action(async (name: string, rows: number[][], options: { json?: boolean; at?: number }) => {
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
      ?.map((p, j) => `${oneLine(String(classes[j]))}: ${p.toFixed(4)}`)
      .join(', ')
    const odds = shares === undefined ? '' : ` (${shares})`
    return `${oneLine(String(prediction))}${odds}  by ${rest.model} version ${rest.version}`
  })
}

function readRow(text: string, before: number[][] = []): number[][] {
  const row = text.split(',').map((cell) => (cell.trim() === '' ? NaN : Number(cell)))
  const wrong = row.findIndex((value) => !Number.isFinite(value))
  if (wrong >= 0) {
    throw new InvalidArgumentError(`Feature ${wrong} of "${text}" is not a finite number.`)
  }
  return [...before, row]
}

import type { Command } from 'commander'
import { connectAsOperator } from '../connect.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { figure, printJson, printLine, table } from '../terminal.ts'

interface Usage {
  readonly user: string
  readonly month: string
  readonly plan: string
  readonly usage: {
    readonly predictions: number
    readonly batchRows: number
    readonly predictionRequests: number
    readonly feedback: number
    readonly trainings: number
    readonly trainedRows: number
    /** Null of another month than the present one, as what they cost. */
    readonly storedBytes: number | null
  }
  readonly limits: {
    readonly monthly: { readonly predictions: number | null; readonly trainedRows: number | null }
    readonly storedBytes: number | null
  }
  readonly cost: {
    readonly currency: string
    readonly predictions: number
    readonly training: number
    readonly storage: number | null
    readonly total: number
  }
}

interface Options {
  readonly user?: string
  readonly month?: string
  readonly json?: boolean
}

export function addUsage(program: Command, { terminal }: Run): void {
  const command = program
    .command('usage')
    .description('show what a user had in a month, also by batches, and what it costs')
    .option('--user <user>', 'whose; by default that of the key, or `default`')
    .option('--month <month>', 'of UTC, as 2026-01; by default the present one')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace usage --user ada
  $ millrace usage --user ada --month 2026-01 --json
  $ millrace usage --stack Millrace`,
    )
    .action(async ({ user, month, json }: Options) => {
      const location = locationOf(command)
      const client = await connectAsOperator(location, ['table', 'objects'], terminal.signal)
      const found = await client.get<Usage>('/usage', { user, month })
      if (json) return printJson(terminal.out, found)
      printLine(terminal.out, `${found.user} in ${found.month}, plan ${found.plan}`)
      printLine(terminal.out, priced(found))
    })
  addLocationOptions(command)
}

function priced({ usage, limits, cost }: Usage): string {
  const rows = [
    ['predicted rows', usage.predictions, limits.monthly.predictions, figure(cost.predictions)],
    ['  of them by batches', usage.batchRows, null, null],
    ['prediction requests', usage.predictionRequests, null, null],
    ['rows with feedback', usage.feedback, null, null],
    ['trainings', usage.trainings, null, null],
    ['trained rows', usage.trainedRows, limits.monthly.trainedRows, figure(cost.training)],
    ...(cost.storage === null
      ? []
      : [['bytes kept', usage.storedBytes, limits.storedBytes, figure(cost.storage)]]),
    ['in all', null, null, figure(cost.total)],
  ]
  return table(['WHAT', 'USED', 'LIMIT', cost.currency], rows)
}

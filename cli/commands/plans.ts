import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { MillraceError, pages } from '../../platform/ports/index.ts'
import { planSchema, type Plan } from '../../tasks/plans.ts'
import { plansAt } from '../accounts.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine, table } from '../terminal.ts'

interface Shown {
  readonly json?: boolean
}

export function addPlans(program: Command, { terminal }: Run): void {
  const plans = program
    .command('plans')
    .description('list and set the plans: quotas and prices of users')
    .addHelpText(
      'after',
      `
A user whose plan was not named has the plan "default", which has no limits and costs nothing until it
is set. Of a stack they are read and written in its table, by your AWS credentials.

Examples:
  $ millrace plans
  $ millrace plans set small small.json
  $ millrace plans list --stack Millrace`,
    )

  const list = plans
    .command('list', { isDefault: true })
    .description('list the plans that were set')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace plans list --json')
    .action(async ({ json }: Shown) => {
      const known = await plansAt(locationOf(list), terminal.signal)
      const found: (Plan & { name: string })[] = []
      const ask = (cursor?: string) => known.plans({ limit: 100, cursor })
      for await (const page of pages(ask)) found.push(...page.plans)
      if (json) return printJson(terminal.out, { plans: found })
      if (found.length === 0) return printLine(terminal.out, 'No plans yet: nothing is limited.')
      const rows = found.map((one) => [
        one.name,
        one.requestsPerSecond,
        one.monthly.predictions,
        one.monthly.trainedRows,
        one.storedBytes,
        one.prices.currency,
        one.prices.perThousandPredictions,
        one.prices.perMillionTrainedRows,
        one.prices.perGigabyteMonth,
      ])
      const limits = ['REQUESTS/S', 'PREDICTIONS', 'TRAINED ROWS', 'BYTES']
      const prices = ['CURRENCY', 'A 1000 PREDICTIONS', 'A MILLION ROWS', 'A GB AND MONTH']
      printLine(terminal.out, table(['PLAN', ...limits, ...prices], rows))
    })
  addLocationOptions(list)

  const set = plans
    .command('set')
    .argument('<plan>')
    .argument('<file>', 'JSON, as `millrace plans --json` has it')
    .description('make a plan, or change it for its users from now on')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ millrace plans set small small.json')
    .action(async (name: string, file: string, { json }: Shown) => {
      const plan = await planIn(file)
      const known = await plansAt(locationOf(set), terminal.signal)
      await known.setPlan(name, plan)
      if (json) return printJson(terminal.out, { name, ...plan })
      printLine(terminal.out, `Set the plan ${name}`)
    })
  addLocationOptions(set)
}

/** Throws RequestInvalid, which names what is wrong with it. */
async function planIn(file: string): Promise<Plan> {
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new MillraceError('RequestInvalid', `${file}: ${(error as Error).message}`)
  }
  const fields = { ...(value as Record<string, unknown>) }
  // What is listed has it.
  delete fields['name']
  const result = planSchema.safeParse(fields)
  if (result.success) return result.data
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new MillraceError('RequestInvalid', `${file} is no plan: ${faults.join('; ')}`)
}

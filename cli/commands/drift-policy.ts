import { Option, type Command } from 'commander'
import { isMillraceError } from '../../platform/ports/index.ts'
import { driftPolicy, type DriftPolicy } from '../../tasks/drift-policy.ts'
import { formatModel, parseModel } from '../../tasks/names.ts'
import type { RetrainingDecision } from '../../tasks/retraining-decisions.ts'
import type { Client } from '../client.ts'
import { connect } from '../connect.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { figure, printJson, printLine, table } from '../terminal.ts'

interface Kept {
  readonly model: string
  readonly policy: DriftPolicy
  readonly revision: number
}

type Setting = Exclude<keyof DriftPolicy, 'paused'>

/** Options of `millrace drift policy`, by what they set. */
const settings: Readonly<Record<Setting, string>> = {
  minLabelledRows: '--min-rows <n>',
  patienceSeconds: '--patience <seconds>',
  pollSeconds: '--poll <seconds>',
  coolDownSeconds: '--cool-down <seconds>',
  runsPerDay: '--runs-per-day <n>',
  watchRows: '--watch-rows <n>',
  watchSeconds: '--watch <seconds>',
}

/** Changes of other people that may come between before one gives up. */
const maxRounds = 5

/** What of `millrace drift` is about retraining: its kill switch, its policy and its decisions. */
export function addDriftPolicy(drift: Command, { terminal }: Run): void {
  for (const [name, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    const command = drift
      .command(name)
      .argument('<model>', 'as <user>/<dataset>')
      .description(
        paused
          ? 'the kill switch: nothing is retrained, promoted or rolled back by itself'
          : 'let drift ask for retrainings again',
      )
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  $ millrace drift ${name} ada/iris`)
      .action(async (model: string, { json }: { json?: boolean }) => {
        const client = await connect(locationOf(command), terminal.signal)
        const kept = await changed(client, model, (policy) => ({ ...policy, paused }))
        if (json) return printJson(terminal.out, kept)
        const now = paused ? 'is paused' : 'goes on'
        printLine(terminal.out, `Retraining of ${kept.model} ${now}`)
      })
    addLocationOptions(command)
  }

  const policy = drift
    .command('policy')
    .argument('<model>', 'as <user>/<dataset>')
    .description('show what drift of a model may bring about, or change it')
  for (const [name, flags] of Object.entries(settings) as [Setting, string][]) {
    const { description = '' } = driftPolicy.shape[name]
    const number = wholeNumber(0, Number.MAX_SAFE_INTEGER)
    policy.addOption(new Option(flags, description).argParser(number))
  }
  policy
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace drift policy ada/iris
  $ millrace drift policy ada/iris --min-rows 500 --runs-per-day 2`,
    )
    .action(async (model: string, options: Readonly<Record<string, unknown>>) => {
      const client = await connect(locationOf(policy), terminal.signal)
      const given = givenSettings(policy)
      const kept =
        Object.keys(given).length === 0
          ? await client.get<Kept>(pathOf(model))
          : await changed(client, model, (before) => ({ ...before, ...given }))
      if (options['json'] === true) return printJson(terminal.out, kept)
      const rows = Object.entries(kept.policy).map(([name, value]) => [name, String(value)])
      printLine(terminal.out, table(['SETTING', 'VALUE'], rows))
    })
  addLocationOptions(policy)

  const decisions = drift
    .command('decisions')
    .argument('<model>', 'as <user>/<dataset>')
    .description('list what retrainings of a model decided, the newest first')
    .option('--limit <n>', 'how many', wholeNumber(1, 100), 20)
    .option('--json', 'print JSON, with the numbers of each')
    .addHelpText('after', '\nExample:\n  $ millrace drift decisions ada/iris')
    .action(async (model: string, { limit, json }: { limit: number; json?: boolean }) => {
      const client = await connect(locationOf(decisions), terminal.signal)
      const path = `/models/${formatModel(parseModel(model))}/drift/decisions`
      const page = await client.get<{ decisions: RetrainingDecision[] }>(path, { limit })
      if (json) return printJson(terminal.out, page)
      if (page.decisions.length === 0) return printLine(terminal.out, 'No retrainings yet.')
      const rows = page.decisions.map((one) => [
        one.at,
        one.execution,
        one.step,
        one.outcome,
        one.reason,
        numbersOf(one),
      ])
      const header = ['TIME', 'EXECUTION', 'STEP', 'OUTCOME', 'REASON', 'NUMBERS']
      printLine(terminal.out, table(header, rows))
    })
  addLocationOptions(decisions)
}

/** Changes a policy as it is now, again where somebody else was first. */
async function changed(
  client: Client,
  model: string,
  change: (policy: DriftPolicy) => DriftPolicy,
): Promise<Kept> {
  const path = pathOf(model)
  for (let round = 1; ; round++) {
    const { policy, revision } = await client.get<Kept>(path)
    try {
      return await client.put<Kept>(path, change(policy), { 'if-match': `"${revision}"` })
    } catch (error) {
      if (!isMillraceError(error, 'PolicyChanged') || round === maxRounds) throw error
    }
  }
}

function pathOf(model: string): string {
  return `/models/${formatModel(parseModel(model))}/drift/policy`
}

/** What the command line sets, by the names of the policy. */
function givenSettings(command: Command): Partial<DriftPolicy> {
  const names = Object.keys(settings) as Setting[]
  const values = names.map((name) => {
    const option = command.options.find(({ flags }) => flags === settings[name])!
    return [name, command.getOptionValue(option.attributeName()) as number | undefined] as const
  })
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

function numbersOf({ numbers }: RetrainingDecision): string {
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${Number.isInteger(value) ? value : figure(value)}`)
    .join(', ')
}

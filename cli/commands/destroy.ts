import { createInterface } from 'node:readline/promises'
import { Option, type Command } from 'commander'
import { MillraceError } from '../../platform/ports/index.ts'
import { dataRemoval, type DataRemoval } from '../aws/data.ts'
import { removeStack, stackResources, type StackResource } from '../aws/removal.ts'
import { cloudFormation, millraceStack } from '../aws/stack.ts'
import type { Run } from '../options.ts'
import { addAwsOptions, deploymentOf, type Deployment } from '../platform-location.ts'
import { printJson, printLine, styled, type Terminal } from '../terminal.ts'

interface DestroyOptions {
  deleteData?: boolean
  yes?: boolean
  json?: boolean
}

export function addDestroy(program: Command, run: Run): void {
  const command = program
    .command('destroy')
    .description('remove a deployed platform; its data stays unless you say otherwise')
    .addOption(
      new Option('--stack <name>', "the stack's name").env('MILLRACE_STACK').makeOptionMandatory(),
    )
    .option('--delete-data', 'remove the objects, the bucket and the table too')
    .option('--yes', 'do not ask')
    .option('--json', 'print what was removed and kept as JSON')
  addAwsOptions(command)
    .addHelpText(
      'after',
      `
It tells what goes and what stays, then asks for the stack's name. The bucket (datasets, models,
reports) and the table (registry, ledger) stay, unless --delete-data is given.

Examples:
  $ millrace destroy --stack Millrace
  $ millrace destroy --stack Trial --delete-data
  $ millrace destroy --stack Trial --delete-data --yes --endpoint http://127.0.0.1:4566`,
    )
    .action(async (options: DestroyOptions) =>
      destroy(deploymentOf(command), options, run.terminal),
    )
}

async function destroy(
  deployment: Deployment,
  options: DestroyOptions,
  terminal: Terminal,
): Promise<void> {
  const { stack } = deployment
  const { deleteData = false, json = false } = options
  if (options.yes !== true && terminal.in?.isTTY !== true) {
    throw new MillraceError(
      'RequestInvalid',
      'nobody can be asked here whether the stack may go: run it on a terminal, or give --yes',
    )
  }
  const cloud = await cloudFormation(deployment)
  await millraceStack(cloud, deployment)
  const resources = await stackResources(cloud, deployment)
  const plan = planOf(resources, deleteData)
  const doomed = plan.data.filter((one) => !one.isKept)
  if (doomed.length > 0 && !deleteData) {
    throw new MillraceError(
      'RequestInvalid',
      `${stack} was deployed to take its data with it (${doomed.map(told).join(', ')}): ` +
        'give --delete-data if that is meant, or deploy it with --context removalPolicy=retain first',
    )
  }
  const removal = deleteData ? await dataRemoval(deployment) : undefined
  for (const line of describePlan(stack, plan, terminal)) printLine(terminal.err, line)
  if (options.yes !== true) await confirm(stack, terminal)

  const say = (line: string) => printLine(terminal.err, `  ${line}`)
  // CloudFormation does not remove a bucket that has objects.
  if (removal !== undefined) await emptyBuckets(removal, doomed, say)
  await removeStack(cloud, deployment, say, terminal.signal)
  if (terminal.signal.aborted) return
  // What the stack leaves goes after it, when nothing writes there any more.
  if (removal !== undefined)
    await removeData(
      removal,
      plan.data.filter((one) => one.isKept),
      say,
    )

  const kept = plan.kept.map(({ type, id }) => ({ type, id }))
  if (json) return printJson(terminal.out, { stack, removed: plan.removed.length, kept })
  printLine(terminal.out, `${styled(terminal.out, 'bold', 'Removed')} ${stack}`)
  for (const one of plan.kept) printLine(terminal.out, `  kept: ${told(one)}`)
}

interface Plan {
  readonly removed: readonly StackResource[]
  readonly kept: readonly StackResource[]
  /** Its buckets and tables, whatever becomes of them. */
  readonly data: readonly StackResource[]
}

const dataTypes: ReadonlySet<string> = new Set([
  'AWS::S3::Bucket',
  'AWS::DynamoDB::Table',
  'AWS::DynamoDB::GlobalTable',
])

/** What the template keeps but its owner does not: a version goes with its function. */
const goesWithItsOwner: ReadonlySet<string> = new Set(['AWS::Lambda::Version'])

function planOf(resources: readonly StackResource[], deleteData: boolean): Plan {
  const stays = ({ type, isKept }: StackResource) =>
    isKept && !goesWithItsOwner.has(type) && !(deleteData && dataTypes.has(type))
  return {
    removed: resources.filter((one) => !stays(one)),
    kept: resources.filter(stays),
    data: resources.filter(({ type }) => dataTypes.has(type)),
  }
}

function describePlan(stack: string, { removed, kept }: Plan, { err }: Terminal): string[] {
  const counts = new Map<string, number>()
  for (const { type } of removed) counts.set(type, (counts.get(type) ?? 0) + 1)
  const groups = [...counts]
    .filter(([type]) => !dataTypes.has(type))
    .toSorted(([, a], [, b]) => b - a)
    .map(([type, count]) => `${count} ${type.replace(/^AWS::/, '')}`)
  const lost = removed.filter(({ type }) => dataTypes.has(type))
  return [
    `${styled(err, 'bold', 'To remove')}  ${stack}, ${removed.length} resources: ${groups.join(', ')}`,
    ...lost.map((one) => `${styled(err, 'red', 'Data lost')}  ${told(one)}, with all it holds`),
    ...kept.map((one) => `${styled(err, 'bold', 'Kept')}       ${told(one)}`),
  ]
}

/** Throws unless the stack's name is typed. */
async function confirm(stack: string, terminal: Terminal): Promise<void> {
  const lines = createInterface({ input: terminal.in!, output: terminal.err })
  try {
    const question = `Type ${stack} to go on: `
    const answer = await lines.question(question, { signal: terminal.signal })
    if (answer.trim() === stack) return
    throw new MillraceError('RequestInvalid', 'that is not its name; nothing was removed')
  } finally {
    lines.close()
  }
}

async function emptyBuckets(
  removal: DataRemoval,
  resources: readonly StackResource[],
  say: (line: string) => void,
): Promise<void> {
  for (const { type, id } of resources) {
    if (type !== 'AWS::S3::Bucket') continue
    say(`EMPTIED  ${id}, ${await removal.emptyBucket(id)} object versions`)
  }
}

async function removeData(
  removal: DataRemoval,
  resources: readonly StackResource[],
  say: (line: string) => void,
): Promise<void> {
  await emptyBuckets(removal, resources, say)
  for (const one of resources) {
    if (one.type === 'AWS::S3::Bucket') await removal.removeBucket(one.id)
    else await removal.removeTable(one.id)
    say(`REMOVED  ${told(one)}`)
  }
}

function told({ type, id }: StackResource): string {
  return `${type.replace(/^AWS::/, '')} ${id}`
}

import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  isMillraceError,
  MillraceError,
  type ExecutionEvent,
  type ExecutionStatus,
  type JsonObject,
} from '../../platform/ports/index.ts'
import { followEvents, type Client, type DescribedExecution } from '../client.ts'
import { connect } from '../connect.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { Progress } from '../progress.ts'
import { readableCause } from '../readable-cause.ts'
import { Redrawn } from '../redrawn.ts'
import { duration, printJson, printLine, table } from '../terminal.ts'
import { outcomeOf, tellEnd } from '../execution-end.ts'

const statuses: ExecutionStatus[] = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']

interface ListOptions {
  json?: boolean
  watch?: boolean
  workflow?: string
  status?: string
  limit: number
}

export function addExecutions(program: Command, run: Run): void {
  const many = program
    .command('executions')
    .description('list the executions, the newest first')
    .option('--watch', 'go on showing them as they change, until Ctrl-C')
    .option('--workflow <name>', 'only of this workflow')
    .addOption(new Option('--status <status>', 'only those of this status').choices(statuses))
    .option('--limit <n>', 'how many', wholeNumber(1, 100), 20)
    .option('--json', 'print JSON; with --watch a line for each change')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace executions
  $ millrace executions --watch
  $ millrace executions --status FAILED --json`,
    )
    .action(async (options: ListOptions) => {
      const client = await connect(locationOf(many), run.terminal.signal)
      return listExecutions(client, options, run)
    })
  addLocationOptions(many)

  const one = program
    .command('execution')
    .argument('<name>', 'as `millrace executions` lists it', readName)
    .description(
      "show one execution's history and how it ended; --json tells its input and output too",
    )
    .option('--watch', 'follow it to its end')
    .option('--workflow <name>', 'the workflow it belongs to', 'training')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace execution ada-iris-1f0c2b7e
  $ millrace execution ada-iris-1f0c2b7e --watch
  $ millrace execution ada-iris-1f0c2b7e --json | jq '.events[].type'`,
    )
    .action(
      async (name: string, options: { workflow: string; json?: boolean; watch?: boolean }) => {
        const location = locationOf(one)
        const client = await connect(location, run.terminal.signal)
        const show = options.watch ? watchToItsEnd : showHistory
        await show(client, name, options.workflow, run, options.json).catch((error: unknown) => {
          if (!isMillraceError(error, 'ExecutionNotFound')) throw error
          throw new MillraceError(
            'ExecutionNotFound',
            `there is no execution ${name} of the workflow ${options.workflow}; ` +
              `npx millrace executions${location.argument} lists them`,
          )
        })
      },
    )
  addLocationOptions(one)
}

/** Follows an execution on the terminal and leaves the exit code that its end asks for. */
export async function watchToItsEnd(
  client: Client,
  name: string,
  workflow: string,
  run: Run,
  json = false,
): Promise<void> {
  const progress = new Progress(run.terminal.err)
  for await (const event of followEvents(client, name, workflow, run.terminal.signal)) {
    progress.show(event)
  }
  if (run.terminal.signal.aborted) return
  const ended = await client.get<DescribedExecution>(`/executions/${name}`, { workflow })
  if (json) printJson(run.terminal.out, ended)
  run.exitCode = tellEnd(ended, run.terminal, json)
}

async function listExecutions(
  client: Client,
  options: ListOptions,
  { terminal }: Run,
): Promise<void> {
  const outcomes = new Outcomes(client)
  const { workflow, status, limit } = options
  const read = async () => {
    const query = { workflow, status, limit }
    const { executions } = await client
      .get<{ executions: DescribedExecution[] }>('/executions', query)
      .catch((error: unknown) => {
        if (!isMillraceError(error, 'WorkflowNotFound')) throw error
        throw new MillraceError('WorkflowNotFound', `there is no workflow ${workflow}`)
      })
    return executions
  }
  if (options.watch)
    return watchExecutions(read, outcomes, client.pace.refresh, terminal, options.json)
  const executions = await read()
  if (options.json) return printJson(terminal.out, { executions })
  printLine(terminal.out, list(await outcomes.cells(executions)))
}

async function watchExecutions(
  read: () => Promise<DescribedExecution[]>,
  outcomes: Outcomes,
  refreshInterval: number,
  { out, signal }: Run['terminal'],
  json = false,
): Promise<void> {
  const redrawn = new Redrawn(out)
  const shown = new Map<string, string>()
  while (!signal.aborted) {
    const executions = await read()
    if (out.isTTY && !json) {
      redrawn.draw(list(await outcomes.cells(executions)).split('\n'), 'first')
    } else {
      const changed = executions.toReversed().filter((one) => shown.get(keyOf(one)) !== one.status)
      const lines = json
        ? changed.map((one) => JSON.stringify(one))
        : (await outcomes.cells(changed)).map((row) => row.join('  ').trimEnd())
      for (const line of lines) printLine(out, line)
      for (const one of changed) shown.set(keyOf(one), one.status)
    }
    await pause(refreshInterval, signal)
  }
}

/** The rows of a list with how each execution ended, which is asked for once. */
class Outcomes {
  readonly #client: Client
  readonly #known = new Map<string, string>()

  constructor(client: Client) {
    this.#client = client
  }

  async cells(executions: readonly DescribedExecution[]): Promise<string[][]> {
    return Promise.all(executions.map(async (one) => [...cells(one), await this.#outcome(one)]))
  }

  async #outcome(one: DescribedExecution): Promise<string> {
    if (one.status === 'RUNNING') return ''
    // A redrive ends it once more.
    const key = `${keyOf(one)} ${one.stopDate}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const { workflow, name } = one
    const ended = await this.#client.get<DescribedExecution>(`/executions/${name}`, { workflow })
    const outcome = outcomeOf(ended)
    this.#known.set(key, outcome)
    return outcome
  }
}

async function showHistory(
  client: Client,
  name: string,
  workflow: string,
  { terminal }: Run,
  json = false,
): Promise<void> {
  const execution = await client.get<DescribedExecution>(`/executions/${name}`, { workflow })
  const events: ExecutionEvent[] = []
  for (;;) {
    const after = events.at(-1)?.id ?? 0
    const page = await client.get<{ events: ExecutionEvent[] }>(`/executions/${name}/events`, {
      workflow,
      after,
    })
    if (page.events.length === 0) break
    events.push(...page.events)
  }
  if (json) return printJson(terminal.out, { ...execution, events })
  const started = Date.parse(execution.startDate)
  const rows = events.map(({ id, type, timestamp, details }) => [
    id,
    `+${duration(Date.parse(timestamp) - started)}`,
    type,
    [
      ...textIn(details, 'name'),
      ...textIn(details, 'error'),
      ...textIn(details, 'cause').map(readableCause),
    ].join(' '),
  ])
  printLine(terminal.out, table(['ID', 'TIME', 'EVENT', ''], rows))
  tellEnd(execution, terminal, false)
}

function textIn(details: JsonObject, field: string): string[] {
  const value = details[field]
  return typeof value === 'string' ? [value] : []
}

function list(rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'No executions yet.'
  return table(['NAME', 'WORKFLOW', 'STATUS', 'STARTED', 'TOOK', 'OUTCOME'], rows)
}

function keyOf({ workflow, name }: DescribedExecution): string {
  return `${workflow}/${name}`
}

function cells(one: DescribedExecution): string[] {
  const took =
    one.stopDate === undefined ? '' : duration(Date.parse(one.stopDate) - Date.parse(one.startDate))
  return [one.name, one.workflow, one.status, one.startDate, took]
}

function readName(text: string): string {
  if (/^[\w-]{1,80}$/.test(text)) return text
  throw new InvalidArgumentError("It takes an execution's name, as `millrace executions` lists it.")
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

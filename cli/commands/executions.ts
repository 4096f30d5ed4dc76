import type { Command } from 'commander'
import type { ExecutionEvent, JsonObject } from '../../platform/ports/index.ts'
import { connect, followEvents, type Client, type DescribedExecution } from '../client.ts'
import { dataDirOption, wholeNumber, type Run } from '../options.ts'
import { Progress } from '../progress.ts'
import { duration, printJson, printLine, table } from '../terminal.ts'
import { tellEnd } from '../execution-end.ts'

const refreshInterval = 500

interface ListOptions {
  dataDir: string
  json?: boolean
  watch?: boolean
  workflow?: string
  status?: string
  limit: number
}

export function addExecutions(program: Command, run: Run): void {
  program
    .command('executions')
    .description('list the executions, the newest first')
    .option('--watch', 'go on showing them as they change, until Ctrl-C')
    .option('--workflow <name>', 'only of this workflow')
    .option('--status <status>', 'only RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED ones')
    .option('--limit <n>', 'how many', wholeNumber(1, 100), 20)
    .option(...dataDirOption)
    .option('--json', 'print JSON; with --watch a line for each change')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace executions
  $ millrace executions --watch
  $ millrace executions --status FAILED --json`,
    )
    .action(async (options: ListOptions) => listExecutions(options, run))

  program
    .command('execution')
    .argument('<name>', 'as `millrace executions` lists it')
    .description("show one execution's history, input and output")
    .option('--watch', 'follow it to its end')
    .option('--workflow <name>', 'the workflow it belongs to', 'training')
    .option(...dataDirOption)
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
      async (
        name: string,
        options: { dataDir: string; workflow: string; json?: boolean; watch?: boolean },
      ) => {
        const client = await connect(options.dataDir)
        if (options.watch) await watchToItsEnd(client, name, options.workflow, run, options.json)
        else await showHistory(client, name, options.workflow, run, options.json)
      },
    )
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

async function listExecutions(options: ListOptions, { terminal }: Run): Promise<void> {
  const client = await connect(options.dataDir)
  const read = async () => {
    const { workflow, status, limit } = options
    return (
      await client.get<{ executions: DescribedExecution[] }>('/executions', {
        workflow,
        status,
        limit,
      })
    ).executions
  }
  if (!options.watch) {
    const executions = await read()
    if (options.json) return printJson(terminal.out, { executions })
    return printLine(
      terminal.out,
      executions.length === 0 ? 'No executions yet.' : list(executions),
    )
  }
  let drawn = 0
  const shown = new Map<string, string>()
  while (!terminal.signal.aborted) {
    const executions = await read()
    if (terminal.out.isTTY && !options.json) {
      const text = list(executions)
      terminal.out.write(drawn > 0 ? `\u001b[${drawn}A\u001b[0J` : '')
      printLine(terminal.out, text)
      drawn = text.split('\n').length
    } else {
      for (const one of executions.toReversed()) {
        const key = `${one.workflow}/${one.name}`
        if (shown.get(key) === one.status) continue
        shown.set(key, one.status)
        printLine(terminal.out, options.json ? JSON.stringify(one) : cells(one).join('  '))
      }
    }
    await pause(refreshInterval, terminal.signal)
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
    ['name', 'error', 'cause'].flatMap((field) => textIn(details, field)).join(' '),
  ])
  printLine(terminal.out, table(['ID', 'TIME', 'EVENT', ''], rows))
  tellEnd(execution, terminal, false)
}

function textIn(details: JsonObject, field: string): string[] {
  const value = details[field]
  return typeof value === 'string' ? [value] : []
}

function list(executions: readonly DescribedExecution[]): string {
  return table(['NAME', 'WORKFLOW', 'STATUS', 'STARTED', 'TOOK'], executions.map(cells))
}

function cells(one: DescribedExecution): string[] {
  const took =
    one.stopDate === undefined ? '' : duration(Date.parse(one.stopDate) - Date.parse(one.startDate))
  return [one.name, one.workflow, one.status, one.startDate, took]
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

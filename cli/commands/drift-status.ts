import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { isMillraceError, MillraceError } from '../../platform/ports/index.ts'
import type { DriftStatus } from '../../tasks/drift-status.ts'
import { formatModel, parseModel } from '../../tasks/names.ts'
import type { Client } from '../client.ts'
import { connect } from '../connect.ts'
import { describeDetection, describeMetric, plotDrift } from '../drift-plot.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { Redrawn } from '../redrawn.ts'
import { printJson, printLine, styled, type Style } from '../terminal.ts'

interface Options {
  readonly json?: boolean
  readonly watch?: boolean
  readonly version?: number
}

/** What `millrace drift MODEL` itself does: shows what the monitor of a model knows. */
export function addDriftStatus(drift: Command, { terminal }: Run): void {
  const command = drift
    .command('status', { isDefault: true })
    .argument('<model>', 'as <user>/<dataset>')
    .description('show how what a model serves compares with what it knows')
    .option('--watch', 'go on showing it as it changes, until Ctrl-C')
    .option('--version <n>', 'by default the champion', wholeNumber(0, 999_999_999))
    .option('--json', 'print JSON; with --watch a line for each change')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace drift ada/iris
  $ millrace drift ada/iris --watch
  $ millrace drift ada/iris --json | jq '.detections[].stream'`,
    )
    .action(async (model: string, options: Options) => {
      const location = locationOf(command)
      const client = await connect(location, terminal.signal)
      const path = `/models/${formatModel(parseModel(model))}/drift`
      const { version } = options
      const read = () =>
        client.get<DriftStatus>(path, { version, blocks: 64 }).catch((error: unknown) => {
          if (!isMillraceError(error, 'ModelNotFound') || version !== undefined) throw error
          throw new MillraceError(
            'ModelNotFound',
            `there is no model ${model}; npx millrace models${location.argument} lists them`,
          )
        })
      if (options.watch) return watch(read, client, terminal, options.json)
      const status = await read()
      if (options.json) return printJson(terminal.out, status)
      for (const line of plotted(status, terminal.out)) printLine(terminal.out, line)
    })
  addLocationOptions(command)
}

async function watch(
  read: () => Promise<DriftStatus>,
  client: Client,
  { out, signal }: Run['terminal'],
  json = false,
): Promise<void> {
  const redrawn = new Redrawn(out)
  const told = new Set<string>()
  let before = ''
  while (!signal.aborted) {
    const status = await read()
    const now = JSON.stringify(status)
    if (now !== before) {
      if (out.isTTY && !json) redrawn.draw(plotted(status, out), 'first')
      else if (json) printLine(out, now)
      else for (const line of changes(status, told)) printLine(out, line)
    }
    before = now
    await sleep(client.pace.refresh, undefined, { signal }).catch(() => undefined)
  }
}

/** What was not told yet, the oldest first. */
function changes(status: DriftStatus, told: Set<string>): string[] {
  const lines = status.detections
    .toReversed()
    .filter(({ detection }) => !told.has(detection))
    .map((found) => {
      told.add(found.detection)
      return `${found.detectedAt}  ${describeDetection(found)}`
    })
  const metric = describeMetric(status)
  const summary = `${status.rows} rows${metric === undefined ? '' : `, ${metric}`}`
  return [...lines, ...(status.to === null ? [] : [`${status.to}  ${summary}`])]
}

function plotted(status: DriftStatus, out: Run['terminal']['out']): string[] {
  const style = (name: Style, text: string) => styled(out, name, text)
  return plotDrift(status, { columns: out.columns ?? 80, style })
}

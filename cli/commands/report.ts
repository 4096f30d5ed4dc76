import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { MillraceError } from '../../platform/ports/index.ts'
import { formatModel, parseModel } from '../../tasks/names.ts'
import type { Client } from '../client.ts'
import { connect } from '../connect.ts'
import { openInBrowser } from '../open-in-browser.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine } from '../terminal.ts'

interface Options {
  readonly kind: 'dataset' | 'evaluation' | 'drift'
  readonly version?: number
  readonly output?: string
  readonly open?: boolean
  readonly json?: boolean
}

export function addReport(program: Command, { terminal }: Run): void {
  const command = program
    .command('report')
    .argument('<model>', 'as <user>/<dataset>')
    .description('write a page about a model: its evaluation, its dataset, or its drift')
    .addOption(
      new Option('--kind <kind>', 'what it is about')
        .choices(['evaluation', 'dataset', 'drift'])
        .default('evaluation'),
    )
    .option('--version <n>', 'by default the champion', wholeNumber(0, 999_999_999))
    .option('--output <file>', 'by default <user>-<dataset>-<version>-<kind>.html, here')
    .option('--open', 'open it in the browser')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace report ada/iris --open
  $ millrace report ada/iris --kind dataset --version 3 --output iris.html
  $ millrace report ada/iris --kind drift`,
    )
    .action(async (name: string, { kind, output, open, json, ...options }: Options) => {
      const client = await connect(locationOf(command), terminal.signal)
      const model = parseModel(name)
      const path = `/models/${formatModel(model)}`
      const version = options.version ?? (await championOf(client, path))
      const page = await (kind === 'drift'
        ? client.getText(`${path}/drift/report`, { version })
        : client.getText(`${path}/versions/${version}/reports/${kind}`))
      const file = resolve(output ?? `${model.user}-${model.dataset}-${version}-${kind}.html`)
      await writeFile(file, page).catch((error: Error) => {
        throw new MillraceError('RequestInvalid', `cannot write ${file}: ${error.message}`)
      })
      if (json) printJson(terminal.out, { model: formatModel(model), version, kind, file })
      else printLine(terminal.out, file)
      if (open && !(await openInBrowser(file))) {
        printLine(terminal.err, 'No browser could be opened: open the file yourself.')
      }
    })
  addLocationOptions(command)
}

/** Throws ModelNotFound. */
async function championOf(client: Client, path: string): Promise<number> {
  const { version } = await client.get<{ version: number }>(`${path}/aliases/champion`)
  return version
}

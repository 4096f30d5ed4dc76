import { basename, dirname, extname, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Option, type Command } from 'commander'
import { isMillraceError, MillraceError } from '../../platform/ports/index.ts'
import { batchFormat, maxConcurrency, type BatchFormat } from '../../tasks/batch-shapes.ts'
import { formatModel, parseModel, type ModelName } from '../../tasks/names.ts'
import { checkOutput, downloadResults, type DoneBatch } from '../batch-download.ts'
import { BatchProgress, grouped } from '../batch-progress.ts'
import type { Client } from '../client.ts'
import { connect } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf, type PlatformLocation } from '../platform-location.ts'
import { readableCause } from '../readable-cause.ts'
import { duration, oneLine, printJson, printLine, styled } from '../terminal.ts'
import { fileSize, uploadFile } from '../upload.ts'

interface Options {
  readonly dataset?: string
  readonly version?: number
  readonly alias?: string
  readonly format?: BatchFormat
  readonly out?: string
  readonly force: boolean
  readonly concurrency?: number
  readonly tolerate?: number
  readonly rangeRows?: number
  readonly resume?: string
  readonly cancel?: string
  readonly json?: boolean
}

/** A batch as the API describes it, as far as it is told here. */
interface DescribedBatch extends DoneBatch {
  readonly version: number
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'REJECTED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED'
  readonly dataset: string | null
  readonly file: { readonly key: string } | null
  readonly rowsDone: number
  readonly rowsFailed: number
  readonly rowsMissing: number
  readonly ranges: number
  readonly rangesDone: number
  readonly failedRanges: readonly {
    readonly from: number
    readonly to: number
    readonly error: string | null
    readonly message: string | null
  }[]
  readonly reasons: readonly { readonly message: string }[]
  readonly error?: string
  readonly cause?: string
}

export function addBatch(program: Command, run: Run): void {
  const command = program
    .command('batch')
    .argument('<model>', 'as <user>/<dataset>')
    .argument('[file]', 'a .npy, or a .csv with a header, of any size')
    .description('predict all rows of a file, or of a dataset')
    .option('--dataset <name>', 'predict this dataset, as iris or ada/iris@3 (its version)')
    .option('--version <n>', 'of the model (default: the champion)', wholeNumber(0, 999_999_999))
    .addOption(new Option('--alias <alias>', 'the version that it names').conflicts('version'))
    .addOption(
      new Option('--format <format>', 'of the results (default: as --out ends, or csv)').choices(
        batchFormat.options,
      ),
    )
    .option('--out <file>', 'where to write them (default: <file>.predictions.<format>)')
    .option('--force', 'replace the file that is there', false)
    .option(
      '--concurrency <n>',
      'ranges at one time (default: so few that other predictions keep theirs)',
      wholeNumber(1, maxConcurrency),
    )
    .option('--tolerate <n>', 'ranges that may fail', wholeNumber(0, 999_999_999))
    .option('--range-rows <n>', 'rows of a range', wholeNumber(1, 999_999_999))
    .addOption(
      new Option('--resume <batch>', 'follow this batch, or go on with what it left').conflicts([
        ...['dataset', 'version', 'alias', 'concurrency', 'tolerate', 'rangeRows', 'cancel'],
      ]),
    )
    .option('--cancel <batch>', 'stop this batch; what is predicted stays')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Ctrl-C leaves the batch running.

Examples:
  $ millrace batch ada/iris flowers.csv
  $ millrace batch ada/iris flowers.npy --format npy --out answers.npy
  $ millrace batch ada/iris --dataset iris@2 --alias stable --format jsonl
  $ millrace batch ada/iris --resume 20260501T093012123-5f0e4c21aa
  $ millrace batch ada/iris flowers.csv --stack Millrace --concurrency 100`,
    )
    .action(async (name: string, file: string | undefined, options: Options) => {
      const given = [file, options.dataset, options.resume, options.cancel]
      if (given.every((one) => one === undefined)) {
        command.error('error: what is to be predicted? give a file, or --dataset')
      }
      if (file !== undefined && options.dataset !== undefined) {
        command.error('error: a file and --dataset name two tables: give one of them')
      }
      const asked = { model: parseModel(name), file, options, location: locationOf(command) }
      await runBatch(asked, run)
    })
  addLocationOptions(command)
}

interface AskedBatch {
  readonly model: ModelName
  readonly file: string | undefined
  readonly options: Options
  readonly location: PlatformLocation
}

async function runBatch(asked: AskedBatch, run: Run): Promise<void> {
  const { terminal } = run
  const { model, options, location } = asked
  const client = await connect(location, terminal.signal)
  const path = `/models/${formatModel(model)}/batches`
  if (options.cancel !== undefined) {
    const stopped = await client.post<DescribedBatch>(
      `${path}/${encodeURIComponent(options.cancel)}/cancel`,
      {},
    )
    if (options.json) return printJson(terminal.out, stopped)
    return printLine(terminal.out, `${stopped.status} ${stopped.batch}: ${rowsOf(stopped)}`)
  }
  const batch =
    options.resume === undefined
      ? await startBatch(client, asked, run)
      : await resumeBatch(client, asked, run)
  try {
    const began = performance.now()
    const ended = await followBatch(client, `${path}/${batch}`, run)
    // Of one that was under way before, that says nothing.
    const milliseconds = options.resume === undefined ? performance.now() - began : undefined
    if (ended.status !== 'SUCCEEDED') return tellUnfinished(ended, asked, run)
    const out = outputOf(asked, ended)
    const streams = location.kind === 'embedded'
    const download = { batch: ended, out, force: options.force, streams }
    const written = await downloadResults(client, download, terminal)
    if (options.json) {
      const { bytes, sha256 } = written
      return printJson(terminal.out, { ...ended, out: { file: out, bytes, sha256 } })
    }
    printLine(terminal.out, out)
    for (const line of describeEnd(ended, { milliseconds, classes: written.classes })) {
      printLine(terminal.err, line)
    }
  } catch (error) {
    if (terminal.signal.aborted || isMillraceError(error, 'PlatformNotRunning')) {
      for (const line of howToGoOn(batch, asked)) printLine(terminal.err, line)
    }
    if (isMillraceError(error, 'ResultsDamaged')) {
      const [, goOn] = howToGoOn(batch, asked)
      printLine(terminal.err, goOn)
    }
    throw error
  }
}

/** Answers the name of a new batch. */
async function startBatch(client: Client, asked: AskedBatch, { terminal }: Run): Promise<string> {
  const { model, file, options, location } = asked
  const { version, alias, concurrency, tolerate, rangeRows } = options
  const path = `/models/${formatModel(model)}`
  const format = formatOf(options)
  await checkOutput(outputOf(asked, { format, dataset: null }), options.force)
  const source =
    file === undefined
      ? datasetNamed(options.dataset!, model)
      : { file: await uploadRows(client, `${path}/inputs`, file, { location, terminal }) }
  const order = { ...source, version, alias, format, concurrency, rangeRows }
  const { batch } = await client.post<{ batch: string }>(`${path}/batches`, {
    ...order,
    toleratedFailures: tolerate,
  })
  printLine(terminal.err, `${file ?? options.dataset} → batch ${batch}`)
  return batch
}

/** One that runs or is done is only followed. */
async function resumeBatch(client: Client, asked: AskedBatch, { terminal }: Run): Promise<string> {
  const { model, options } = asked
  const at = `/models/${formatModel(model)}/batches/${encodeURIComponent(options.resume!)}`
  const found = await client.get<DescribedBatch>(at)
  await checkOutput(outputOf(asked, found), options.force)
  const { status, batch } = found
  if (status === 'RUNNING' || status === 'SUCCEEDED') return batch
  await client.post(`${at}/resume`, {})
  const left = `${grouped(found.ranges - found.rangesDone)} of ${grouped(found.ranges)} ranges`
  printLine(terminal.err, `batch ${batch} goes on: ${found.ranges === 0 ? 'anew' : left}`)
  return batch
}

/** Throws RequestInvalid for what is no file of rows. */
async function uploadRows(
  client: Client,
  path: string,
  file: string,
  on: { readonly location: PlatformLocation; readonly terminal: Run['terminal'] },
): Promise<{ key: string; versionId: string }> {
  const format = extname(file).slice(1)
  if (format !== 'npy' && format !== 'csv') {
    throw new MillraceError('RequestInvalid', `${file}: rows are in a .npy or a .csv file`)
  }
  const upload = { file, size: await fileSize(file), path, format, resume: true } as const
  const { key, versionId } = await uploadFile(client, upload, on)
  return { key, versionId }
}

/** `iris`, of the model's user, or `ada/iris`, either with `@3` behind it. Throws NameInvalid. */
function datasetNamed(text: string, model: ModelName) {
  const [, name, version] = /^([^@]*)@(\d{1,15})$/.exec(text) ?? [text, text]
  const dataset = parseModel(name.includes('/') ? name : `${model.user}/${name}`)
  return {
    dataset: formatModel(dataset),
    ...(version === undefined ? {} : { datasetVersion: Number(version) }),
  }
}

function formatOf({ format, out }: Options): BatchFormat {
  return format ?? batchFormat.safeParse(extname(out ?? '').slice(1)).data ?? 'csv'
}

/** Where the results go: beside the file that is predicted, for all else here. */
function outputOf(
  { file, model, options: { out, dataset: named } }: AskedBatch,
  { format, dataset }: Pick<DescribedBatch, 'format' | 'dataset'>,
): string {
  if (out !== undefined) return resolve(out)
  const name = named?.replace(/@\d+$/, '') ?? dataset ?? model.dataset
  const stem =
    file === undefined ? basename(name) : join(dirname(file), basename(file, extname(file)))
  return resolve(`${stem}.predictions.${format}`)
}

/** Shows how far a batch is until it ends. */
async function followBatch(
  client: Client,
  path: string,
  { terminal }: Run,
): Promise<DescribedBatch> {
  const progress = new BatchProgress(terminal.err)
  const { poll, refresh } = client.pace
  for (let wait = poll; ; wait = Math.min(refresh, wait * 2)) {
    const batch = await client.get<DescribedBatch>(path)
    progress.show({ ...batch, failedRanges: batch.failedRanges.length })
    if (batch.status !== 'RUNNING') return batch
    await setTimeout(wait, undefined, { signal: terminal.signal })
  }
}

/** Tells of a batch without results how it ended, and leaves its exit code. */
function tellUnfinished(ended: DescribedBatch, asked: AskedBatch, run: Run): void {
  const { out, err } = run.terminal
  const isRejected = ended.status === 'REJECTED'
  run.exitCode = isRejected ? exitCodes.rejected : exitCodes.executionFailed
  if (asked.options.json) return printJson(out, ended)
  const bold = (text: string) => styled(out, 'bold', text)
  if (isRejected) {
    printLine(out, `${bold('Rejected')}: the rows cannot be predicted`)
    for (const { message } of ended.reasons) printLine(out, `  - ${oneLine(message)}`)
    return
  }
  const why = [ended.error, readableCause(ended.cause ?? '')].filter(Boolean).join(': ')
  printLine(out, `${bold(ended.status)} ${ended.batch}: ${rowsOf(ended)}${why && `; ${why}`}`)
  const [, goOn] = howToGoOn(ended.batch, asked)
  printLine(err, goOn)
}

interface End {
  readonly milliseconds: number | undefined
  readonly classes: readonly string[] | undefined
}

function describeEnd(
  { model, version, rows, rowsFailed, rowsMissing, failedRanges }: DescribedBatch,
  { milliseconds, classes }: End,
): string[] {
  const lines = [
    `${grouped(rows)} rows by ${model} version ${version}${paceOf(rows, milliseconds)}`,
  ]
  if (rowsFailed > 0) lines.push(`that the model could not take: ${grouped(rowsFailed)} rows`)
  if (rowsMissing > 0) {
    lines.push(`missing, since their ranges failed: ${grouped(rowsMissing)} rows`)
  }
  for (const { from, to, error, message } of failedRanges) {
    const why = [error, message].filter(Boolean).join(': ')
    lines.push(`  rows ${from} to ${to - 1}: ${oneLine(why)}`)
  }
  if (classes !== undefined) {
    lines.push(`classes by their places: ${classes.map(oneLine).join(', ')}`)
  }
  return lines
}

function paceOf(rows: number, milliseconds: number | undefined): string {
  if (milliseconds === undefined) return ''
  const rate = Math.round((rows / Math.max(1, milliseconds)) * 1000)
  return ` in ${duration(milliseconds)}, ${grouped(rate)} rows/s`
}

function rowsOf({ rows, rowsDone }: DescribedBatch): string {
  return `${grouped(rowsDone)} of ${grouped(rows)} rows are predicted`
}

function howToGoOn(batch: string, { model, location }: AskedBatch): [string, string, string] {
  const command = `npx millrace batch ${formatModel(model)}`
  return [
    `The batch ${batch} goes on.`,
    `Follow it, or go on with it, by: ${command} --resume ${batch}${location.argument}`,
    `Stop it by: ${command} --cancel ${batch}${location.argument}`,
  ]
}

import { basename, extname } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MillraceError } from '../../platform/ports/index.ts'
import { maxDatasetBytes } from '../../tasks/dataset.ts'
import { defaultUser, nameSchema } from '../../tasks/names.ts'
import { learningTask, metricName } from '../../tasks/shapes.ts'
import {
  defaultHeldOut,
  defaultTrials,
  maxHeldOut,
  maxTrials,
  minHeldOut,
} from '../../tasks/training-configuration.ts'
import { maxSingleBytes, minPartBytes } from '../../tasks/uploads.ts'
import { executionOfUpload, type Client } from '../client.ts'
import { connect } from '../connect.ts'
import { readList, wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine } from '../terminal.ts'
import { fileSize, uploadFile, type FileUpload } from '../upload.ts'
import { watchToItsEnd } from './executions.ts'

const mebibyte = 1024 * 1024

interface PutOptions {
  user?: string
  dataset?: string
  task?: string
  algorithm?: string[]
  trials?: number
  metric?: string
  heldOut?: number
  partSize?: number
  resume: boolean
  watch?: boolean
  json?: boolean
}

export function addPut(program: Command, run: Run): void {
  const command = program
    .command('put')
    .argument('<file>', 'a .npy or a .csv with a header; the last column is the target')
    .description('upload a dataset, which starts a training')
    .option('--user <user>', `whose it is (default: the user of the key, or "${defaultUser}")`)
    .option('--dataset <name>', "the dataset's name (default: the file's)")
    .addOption(
      new Option('--task <task>', 'what to learn (default: by the target)').choices(
        learningTask.options,
      ),
    )
    .option('--algorithm <names>', 'algorithms to race, as svc,gradient-boosting', readList)
    .option(
      '--trials <number>',
      `settings to try of each algorithm (default: ${defaultTrials})`,
      wholeNumber(1, maxTrials),
    )
    .addOption(
      new Option('--metric <metric>', 'what models are compared by (default: by the task)').choices(
        metricName.options,
      ),
    )
    .option(
      '--held-out <share>',
      `share of the rows to judge on, ${minHeldOut} to ${maxHeldOut} (default: ${defaultHeldOut})`,
      readShare,
    )
    .option(
      '--part-size <MiB>',
      `send what is larger in parts of so many MiB (default: above ${maxSingleBytes / mebibyte})`,
      wholeNumber(minPartBytes / mebibyte, maxDatasetBytes / mebibyte),
    )
    .option('--no-resume', 'start anew, whatever an interrupted upload has sent')
    .option('--watch', 'follow the training to its end')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace put iris.npy --user ada
  $ millrace put measurements.csv --dataset iris --algorithm svc,gradient-boosting --watch
  $ millrace put prices.csv --task regression --metric mae --trials 30 --watch
  $ millrace put customers.csv --task clustering --watch
  $ millrace put large.csv --part-size 64
  $ millrace put iris.npy --stack Millrace --region eu-west-1 --watch`,
    )
    .action(async (file: string, options: PutOptions) => {
      const { terminal } = run
      const location = locationOf(command)
      const client = await connect(location, terminal.signal)
      const upload = await uploadOf(client, file, options)
      const uploaded = await uploadFile(client, upload, { location, terminal })
      const execution = await executionOfUpload(client, uploaded, terminal.signal)
      if (options.watch) {
        printLine(terminal.err, `${uploaded.key} → execution ${execution}`)
        return watchToItsEnd(client, execution, 'training', run, options.json)
      }
      if (options.json) return printJson(terminal.out, { ...uploaded, execution })
      printLine(terminal.out, `${uploaded.key} → execution ${execution}`)
      printLine(
        terminal.err,
        `Follow it with: npx millrace execution ${execution} --watch${location.argument}`,
      )
    })
  addLocationOptions(command)
}

/** Throws RequestInvalid, NameInvalid. */
async function uploadOf(client: Client, file: string, options: PutOptions): Promise<FileUpload> {
  const format = extname(file).slice(1)
  if (format !== 'npy' && format !== 'csv') {
    throw new MillraceError('RequestInvalid', `${file}: a dataset is a .npy or a .csv file`)
  }
  const size = await sizeOf(file)
  const { partSize, user: named } = options
  const dataset = options.dataset === undefined ? datasetName(file) : checkedName(options.dataset)
  const user =
    named === undefined ? (await client.get<{ user: string }>('/usage')).user : checkedName(named)
  return {
    file,
    size,
    path: `/datasets/${user}/${dataset}/uploads`,
    format,
    ...configurationOf(options),
    partSize: partSize === undefined ? undefined : partSize * mebibyte,
    resume: options.resume,
  }
}

/** What the options say of the training; nothing where they are silent. */
function configurationOf({ task, algorithm, trials, metric, heldOut }: PutOptions) {
  const configuration = {
    ...(task === undefined ? {} : { task }),
    ...(algorithm === undefined ? {} : { algorithms: algorithm }),
    ...(trials === undefined ? {} : { trials }),
    ...(metric === undefined ? {} : { metric }),
    ...(heldOut === undefined ? {} : { split: { heldOut } }),
  }
  return Object.keys(configuration).length === 0 ? {} : { configuration }
}

/** Throws RequestInvalid for what cannot be uploaded. */
async function sizeOf(file: string): Promise<number> {
  const size = await fileSize(file)
  if (size <= maxDatasetBytes) return size
  throw new MillraceError(
    'RequestInvalid',
    `${file} has ${size} bytes; a dataset is at most ${maxDatasetBytes} bytes (512 MiB)`,
  )
}

/** The dataset's name; throws NameInvalid where the file's own cannot be one. */
function datasetName(file: string): string {
  const name = basename(file, extname(file))
  if (nameSchema.safeParse(name).success) return name
  throw new MillraceError(
    'NameInvalid',
    `"${name}" cannot be a dataset's name: say another one, as --dataset my-data`,
  )
}

/** Throws NameInvalid. */
function checkedName(name: string): string {
  const { error } = nameSchema.safeParse(name)
  if (error === undefined) return name
  throw new MillraceError('NameInvalid', `"${name}": ${error.issues[0]!.message}`)
}

function readShare(text: string): number {
  const share = Number(text)
  if (text.trim() !== '' && share >= minHeldOut && share <= maxHeldOut) return share
  throw new InvalidArgumentError(`It takes a share from ${minHeldOut} to ${maxHeldOut}.`)
}

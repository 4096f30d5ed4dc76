import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { MillraceError, type PresignedUpload } from '../../platform/ports/index.ts'
import { maxDatasetBytes } from '../../tasks/dataset.ts'
import { defaultUser, nameSchema } from '../../tasks/names.ts'
import { learningTask } from '../../tasks/shapes.ts'
import { defaultTrials, maxTrials } from '../../tasks/training-configuration.ts'
import { executionOfUpload, type Client } from '../client.ts'
import { connect } from '../connect.ts'
import { wholeNumber, type Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine } from '../terminal.ts'
import { watchToItsEnd } from './executions.ts'

interface PutOptions {
  user: string
  dataset?: string
  task?: string
  algorithm?: string[]
  trials?: number
  watch?: boolean
  json?: boolean
}

export function addPut(program: Command, run: Run): void {
  const command = program
    .command('put')
    .argument('<file>', 'a .npy or a .csv with a header; the last column is the target')
    .description('upload a dataset, which starts a training')
    .option('--user <user>', 'whose it is', defaultUser)
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
    .option('--watch', 'follow the training to its end')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace put iris.npy --user ada
  $ millrace put measurements.csv --dataset iris --algorithm svc,gradient-boosting --watch
  $ millrace put prices.csv --task regression --trials 30 --watch
  $ millrace put customers.csv --task clustering --watch
  $ millrace put iris.npy --stack Millrace --region eu-west-1 --watch`,
    )
    .action(async (file: string, options: PutOptions) => {
      const { terminal } = run
      const location = locationOf(command)
      const client = await connect(location, terminal.signal)
      const uploaded = await upload(client, file, options)
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

async function upload(
  client: Client,
  file: string,
  options: PutOptions,
): Promise<{ key: string; versionId: string }> {
  const format = extname(file).slice(1)
  if (format !== 'npy' && format !== 'csv') {
    throw new MillraceError('RequestInvalid', `${file}: a dataset is a .npy or a .csv file`)
  }
  const size = await sizeOf(file)
  const presigned = await client.post<PresignedUpload & { key: string }>('/uploads', {
    user: options.user,
    dataset: options.dataset ?? datasetName(file),
    format,
    size,
    ...configurationOf(options),
  })
  // A stream would be sent in chunks of no declared length, which S3 refuses.
  const body = await openAsBlob(file)
  const response = await fetch(presigned.url, {
    method: presigned.method,
    headers: { ...presigned.headers },
    body,
  })
  if (!response.ok) {
    const text = (await response.text()).slice(0, 500)
    throw new MillraceError('UploadRefused', `the upload was answered ${response.status}: ${text}`)
  }
  const versionId = response.headers.get('x-amz-version-id')
  if (versionId === null) {
    throw new MillraceError('InternalError', 'the upload was answered without a version')
  }
  return { key: presigned.key, versionId }
}

/** What the options say of the training; nothing where they are silent. */
function configurationOf({ task, algorithm, trials }: PutOptions) {
  const configuration = {
    ...(task === undefined ? {} : { task }),
    ...(algorithm === undefined ? {} : { algorithms: algorithm }),
    ...(trials === undefined ? {} : { trials }),
  }
  return Object.keys(configuration).length === 0 ? {} : { configuration }
}

/** Throws RequestInvalid for what cannot be uploaded. */
async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new MillraceError('RequestInvalid', `there is no file ${file}`)
  })
  if (!found.isFile()) throw new MillraceError('RequestInvalid', `${file} is not a file`)
  if (found.size > maxDatasetBytes) {
    throw new MillraceError(
      'RequestInvalid',
      `${file} has ${found.size} bytes; a dataset is at most ${maxDatasetBytes} bytes (512 MiB)`,
    )
  }
  return found.size
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

function readList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.some((name) => name === '')) {
    throw new InvalidArgumentError('It takes names between commas, as svc,majority.')
  }
  return names
}

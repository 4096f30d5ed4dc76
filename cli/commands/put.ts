import { openAsBlob } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { MillraceError, type PresignedUpload } from '../../platform/ports/index.ts'
import { maxDatasetBytes } from '../../tasks/dataset.ts'
import { defaultUser, nameSchema } from '../../tasks/names.ts'
import { executionOfUpload, type Client } from '../client.ts'
import { connect } from '../connect.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { printJson, printLine } from '../terminal.ts'
import { watchToItsEnd } from './executions.ts'

interface PutOptions {
  user: string
  dataset?: string
  algorithm?: string[]
  watch?: boolean
  json?: boolean
}

export function addPut(program: Command, run: Run): void {
  const command = program
    .command('put')
    .argument('<file>', 'a .npy (last column the target) or a .csv with a header')
    .description('upload a dataset, which starts a training')
    .option('--user <user>', 'whose it is', defaultUser)
    .option('--dataset <name>', "the dataset's name (default: the file's)")
    .option('--algorithm <names>', 'trainers to race, as svc,logistic-regression', readList)
    .option('--watch', 'follow the training to its end')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace put iris.npy --user ada
  $ millrace put measurements.csv --dataset iris --algorithm svc,majority --watch
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
    ...(options.algorithm === undefined
      ? {}
      : { configuration: { algorithms: options.algorithm } }),
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

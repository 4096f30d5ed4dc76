import { createHash, randomBytes } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { maxPageBytes } from '../api/batch-results.ts'
import { CsvRecords, csvLineEnd, npyHeaderOf, readNpyHeader } from '../ml/data/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import type { Client } from './client.ts'
import type { Terminal } from './terminal.ts'
import { UploadProgress } from './upload-progress.ts'

/** A batch that is done, as the API tells of it. */
export interface DoneBatch {
  readonly batch: string
  readonly model: string
  readonly format: 'csv' | 'jsonl' | 'npy'
  readonly rows: number
  /** Null of more than one object has. */
  readonly results: { readonly bytes: number; readonly sha256: string } | null
}

export interface Download {
  readonly batch: DoneBatch
  readonly out: string
  /** Whether a file that is there is replaced. */
  readonly force: boolean
  /** Whether the API answers all of it at once. */
  readonly streams: boolean
}

export interface Downloaded {
  readonly bytes: number
  readonly sha256: string
  /** Names of the classes whose places a `.npy` has; undefined where it has values. */
  readonly classes: readonly string[] | undefined
}

/**
 * Writes the results of a batch to a file: whole, of the digest that they were written with, or not at
 * all. Throws RequestInvalid for a file that cannot be written, or is there; StorageFailed for bytes of
 * another digest; ResultsDamaged where the platform found that they are not what was written.
 */
export async function downloadResults(
  client: Client,
  { batch, out, force, streams }: Download,
  { err, signal }: Terminal,
): Promise<Downloaded> {
  const part = join(dirname(out), `.${basename(out)}.${randomBytes(6).toString('hex')}.part`)
  const answers = new ResultAnswers(client, batch)
  const isWhole = streams || (batch.results !== null && batch.results.bytes <= maxPageBytes)
  const chunks = isWhole ? answers.whole() : answers.paged()
  try {
    const written = await writeNew(part, chunks, { batch, name: basename(out), err, signal })
    const { results } = batch
    if (results !== null && written.sha256 !== results.sha256) {
      throw new MillraceError(
        'StorageFailed',
        `the results came as ${written.bytes} bytes of the SHA-256 ${written.sha256}, and are ` +
          `${results.bytes} of ${results.sha256}: fetch them again`,
      )
    }
    await putInPlace(part, out, force)
    return { ...written, classes: answers.classes }
  } finally {
    await rm(part, { force: true })
  }
}

/** Throws RequestInvalid for a file that is there, unless it is to be replaced, or that cannot be. */
export async function checkOutput(out: string, force: boolean): Promise<void> {
  const folder = await stat(dirname(out)).catch(() => undefined)
  if (folder?.isDirectory() !== true) throw unwritable(out, `there is no folder ${dirname(out)}`)
  const found = await stat(out).catch(() => undefined)
  if (found?.isDirectory() === true) throw unwritable(out, 'it is a folder')
  // A device or a pipe would have a file in its place.
  if (found?.isFile() === false) throw unwritable(out, 'it is no file')
  if (found !== undefined && !force) throw exists(out)
}

/** The bytes of results, as one answer or as many. */
class ResultAnswers {
  classes: readonly string[] | undefined
  readonly #client: Client
  readonly #batch: DoneBatch
  readonly #path: string

  constructor(client: Client, batch: DoneBatch) {
    this.#client = client
    this.#batch = batch
    this.#path = `/models/${batch.model}/batches/${batch.batch}/results`
  }

  async *whole(): AsyncIterable<Uint8Array> {
    const response = await this.#open({})
    try {
      yield* (response.body ?? []) as AsyncIterable<Uint8Array>
    } catch (error) {
      throw (await this.#isDone()) ? error : damaged(this.#batch, error)
    }
  }

  /** The same bytes: each page has a header of its own. */
  async *paged(): AsyncIterable<Uint8Array> {
    const { format, rows } = this.#batch
    if (format === 'npy') yield npyHeaderOf([rows], 'float64')
    let row = 0
    let header = format === 'csv' ? undefined : 0
    for (let offset: number | undefined = 0; offset !== undefined;) {
      const response = await this.#open({ offset, limit: rowsOfPage })
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (format === 'npy') {
        for (const [from, values] of await npySpans(bytes, response)) {
          yield* missingValues(from - row)
          yield values
          row = from + values.length / 8
        }
      } else {
        // That of a CSV comes with the first page alone.
        yield header === undefined ? bytes : bytes.subarray(header)
        header ??= csvHeaderBytes(bytes)
      }
      offset = nextOffset(response)
    }
    if (format === 'npy') yield* missingValues(rows - row)
  }

  /** An answer that has begun cannot tell why it is cut off: the batch tells. */
  async #isDone(): Promise<boolean> {
    const { model, batch } = this.#batch
    const at = `/models/${model}/batches/${batch}`
    const found = await this.#client.get<{ status: string }>(at).catch(() => undefined)
    return found?.status !== 'FAILED'
  }

  async #open(query: Record<string, number>): Promise<Response> {
    const response = await this.#client.open(this.#path, query)
    const classes = response.headers.get('x-batch-classes')
    if (classes !== null) {
      this.classes = (JSON.parse(classes) as (string | number)[]).map((label) =>
        decodeURIComponent(String(label)),
      )
    }
    return response
  }
}

function damaged({ batch }: DoneBatch, cause: unknown): MillraceError {
  return new MillraceError(
    'ResultsDamaged',
    `some of the results of the batch ${batch} are not what was written: resume it, which predicts ` +
      'those anew',
    { cause },
  )
}

/** The most that a page may have: it ends earlier by its bytes. */
const rowsOfPage = 1_000_000

function nextOffset({ headers }: Response): number | undefined {
  const [, offset] = /[?&]offset=(\d+)[^>]*>; rel="next"/.exec(headers.get('link') ?? '') ?? []
  return offset === undefined ? undefined : Number(offset)
}

/** The values of a page, with the row that each span of them begins at. */
async function npySpans(bytes: Uint8Array, { headers }: Response): Promise<[number, Uint8Array][]> {
  const read = (start: number, end: number) => Promise.resolve(bytes.subarray(start, end))
  const { dataOffset } = await readNpyHeader({ size: bytes.length, read })
  let at = dataOffset
  return (headers.get('x-batch-rows') ?? '').split(',').flatMap((span) => {
    if (span === '') return []
    const [from, last] = span.split('-').map(Number) as [number, number]
    const values = bytes.subarray(at, (at += (last + 1 - from) * 8))
    return [[from, values] satisfies [number, Uint8Array]]
  })
}

/** Values of rows that have no result, some at a time. */
function* missingValues(count: number): Iterable<Uint8Array> {
  for (let left = count; left > 0; left -= rowsOfPage) {
    yield new Uint8Array(new Float64Array(Math.min(left, rowsOfPage)).fill(NaN).buffer)
  }
}

function csvHeaderBytes(bytes: Uint8Array): number {
  const records = new CsvRecords(csvLineEnd(bytes))
  let first: number | undefined
  records.push(bytes, (end) => (first ??= end))
  return first ?? bytes.length
}

interface Writing {
  readonly batch: DoneBatch
  readonly name: string
  readonly err: Terminal['err']
  readonly signal: AbortSignal
}

/** Writes a file that is not there, and makes it durable. */
async function writeNew(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  { batch, name, err, signal }: Writing,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  const handle = await open(file, 'wx').catch((error: Error) => {
    throw unwritable(file, error.message)
  })
  const total = batch.results?.bytes
  const progress =
    total === undefined ? undefined : new UploadProgress(err, { name, total, before: 0 })
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      hash.update(chunk)
      await handle.writeFile(chunk)
      bytes += chunk.length
      progress?.add(chunk.length)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  progress?.end()
  return { bytes, sha256: hash.digest('hex') }
}

/** A file that came to be there meanwhile stays, unless it is to be replaced. */
async function putInPlace(part: string, out: string, force: boolean): Promise<void> {
  if (force) return rename(part, out)
  try {
    await link(part, out)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw exists(out)
    // A file system without links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw unwritable(out, message)
    await checkOutput(out, force)
    await rename(part, out)
  }
}

function exists(out: string): MillraceError {
  return new MillraceError('RequestInvalid', `${out} is there: give another --out, or --force`)
}

function unwritable(out: string, why: string): MillraceError {
  return new MillraceError('RequestInvalid', `cannot write ${out}: ${why}`)
}

import { constants, type BigIntStats } from 'node:fs'
import { lstat, open, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { isDataError } from '../../ml/data/errors.ts'
import { npyHeaderBytes, parseNpyHeader } from '../../ml/data/npy-header.ts'
import { isMillraceError } from '../ports/errors.ts'
import { validateObjectKey } from '../ports/object-key.ts'
import type { Clock, Logger } from '../ports/observability.ts'
import { fingerprintOf, hasCode } from './file-system.ts'
import type { LocalObjects } from './objects.ts'

/** Something in the folder of uploads that cannot become an object. */
export interface RefusedFile {
  readonly path: string
  /** Below the bucket. */
  readonly key: string
  readonly reason: 'directory' | 'link' | 'special' | 'name' | 'unreadable'
  readonly message: string
}

/** Times in milliseconds. */
export interface InboxTimings {
  /** A file whose size and time of change stay the same so long is complete. @default 150 */
  readonly stableMs: number
  /** The same for an empty file, which is how copies begin. @default 500 */
  readonly emptyMs: number
  /** How long a `.npy` that is shorter than its header says may stand still. @default 10_000 */
  readonly patienceMs: number
  /** The pause after a file could not be stored. @default 1000 */
  readonly retryMs: number
}

export const defaultTimings: InboxTimings = {
  stableMs: 150,
  emptyMs: 500,
  patienceMs: 10_000,
  retryMs: 1000,
}

export interface IncomingFilesOptions {
  readonly objects: LocalObjects
  readonly clock: Clock
  readonly logger: Logger
  readonly timings: InboxTimings
  /** A `.npy` that declares more is taken as it is, without waiting for its bytes. */
  readonly maxBytes: number
  readonly onRefused: (refused: RefusedFile) => void
}

interface IncomingFile {
  readonly key: string
  readonly path: string
  fingerprint: string
  size: number
  /** When the fingerprint was first seen. */
  since: number
  retryAt: number
  isTaking: boolean
  isAnnounced: boolean
}

/** Files that are taken at a time; the rest wait for the next look. */
const maxTaking = 8

/**
 * Decides, look by look, which files of the bucket's folder are complete, and takes each state of a
 * file once. Knows nothing of watching and timers: told where something may have changed
 * (`look`, `scan`) and that time has passed (`tick`).
 */
export class IncomingFiles {
  readonly #options: IncomingFilesOptions
  readonly #waiting = new Map<string, IncomingFile>()
  readonly #refused = new Map<string, RefusedFile['reason']>()

  constructor(options: IncomingFilesOptions) {
    this.#options = options
  }

  /** Files that are not taken yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Looks at everything in a folder and the folders in it. */
  async scan(folder: string): Promise<void> {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
      throw error
    })
    for (const entry of entries) {
      const path = join(folder, entry.name)
      const isFolder = await this.look(path)
      if (isFolder) await this.scan(path)
    }
  }

  /** Something may have changed at `path`. Answers whether it is a folder to look into. */
  async look(path: string): Promise<boolean> {
    const key = relative(this.#options.objects.directory, path).split(sep).join('/')
    if (isIgnored(key)) return false
    const stats = await this.#stats(path, key)
    if (stats === undefined) return false
    if (stats.isDirectory()) {
      if (isDatasetName(key)) this.#refuse({ path, key, ...refusals.directory })
      return !isDatasetName(key)
    }
    if (stats.isSymbolicLink()) this.#refuse({ path, key, ...refusals.link })
    else if (!stats.isFile()) this.#refuse({ path, key, ...refusals.special })
    else if (this.#hasValidName(path, key)) this.#seen(path, key, stats)
    return false
  }

  /** Time has passed: takes the files that are complete. */
  async tick(): Promise<void> {
    const idle = [...this.#waiting.values()].filter((file) => !file.isTaking)
    const room = maxTaking - (this.#waiting.size - idle.length)
    const looked = idle.slice(0, Math.max(0, room))
    // Those that are not ready yet must not keep the others from their turn.
    for (const file of looked) {
      this.#waiting.delete(file.key)
      this.#waiting.set(file.key, file)
    }
    await Promise.all(looked.map((file) => this.#advance(file)))
  }

  async #stats(path: string, key: string): Promise<BigIntStats | undefined> {
    try {
      return await lstat(path, { bigint: true })
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) this.#unreadable(path, key, error)
      // A name that is not UTF-8 reads with replacement characters, and then leads nowhere.
      else if (key.includes('\ufffd')) this.#refuse({ path, key, ...refusals.encoding })
      else this.#refused.delete(path)
      this.#waiting.delete(key)
      return undefined
    }
  }

  #hasValidName(path: string, key: string): boolean {
    try {
      validateObjectKey(key)
      return true
    } catch (error) {
      this.#refuse({ path, key, reason: 'name', message: messageOf(error) })
      return false
    }
  }

  #seen(path: string, key: string, stats: BigIntStats): void {
    const fingerprint = fingerprintOf(stats)
    const file = this.#waiting.get(key)
    if (file?.fingerprint === fingerprint) return
    this.#refused.delete(path)
    if (this.#options.objects.isKnownFile(key, fingerprint)) {
      this.#waiting.delete(key)
      return
    }
    const state = { fingerprint, size: Number(stats.size), since: this.#options.clock.now() }
    if (file !== undefined) Object.assign(file, state)
    else {
      const flags = { retryAt: 0, isTaking: false, isAnnounced: false }
      this.#waiting.set(key, { key, path, ...state, ...flags })
    }
  }

  async #advance(file: IncomingFile): Promise<void> {
    file.isTaking = true
    try {
      await this.look(file.path)
      if (this.#waiting.get(file.key) === file && (await this.#isReady(file))) {
        await this.#take(file)
      }
    } catch (error) {
      this.#failed(file, error)
    } finally {
      file.isTaking = false
    }
  }

  async #isReady(file: IncomingFile): Promise<boolean> {
    return (await this.#isComplete(file)) && (await this.#isAfterSidecar(file))
  }

  async #isComplete(file: IncomingFile): Promise<boolean> {
    const { clock, timings, maxBytes } = this.#options
    const now = clock.now()
    const age = now - file.since
    if (now < file.retryAt || age < timings.stableMs) return false
    if (file.size === 0) return age >= timings.emptyMs
    if (!/\.npy$/i.test(file.key) || age >= timings.patienceMs) return true
    const expected = await declaredBytes(file.path)
    if (expected === undefined || expected > maxBytes || file.size >= expected) return true
    this.#announce(file, `waiting: its header says ${expected} bytes, ${file.size} are there`)
    return false
  }

  /** A training reads what is said beside its table, which is therefore stored before the table. */
  async #isAfterSidecar(file: IncomingFile): Promise<boolean> {
    if (!isDatasetName(file.key)) return true
    await this.look(`${file.path}.json`)
    const sidecar = this.#waiting.get(`${file.key}.json`)
    if (sidecar === undefined) return true
    if (sidecar.retryAt > 0) this.#announce(file, `waiting: ${sidecar.key} could not be stored yet`)
    return false
  }

  /** Says once what a file waits for. */
  #announce(file: IncomingFile, message: string): void {
    if (file.isAnnounced) return
    this.#options.logger.info(message, { key: file.key })
    file.isAnnounced = true
  }

  async #take(file: IncomingFile): Promise<void> {
    const version = await this.#options.objects.takeFile(file.key)
    if (version === undefined) {
      file.since = this.#options.clock.now()
      return
    }
    this.#waiting.delete(file.key)
    if (!/\.(npy|csv|json)$/.test(file.key)) {
      this.#options.logger.warn(
        'a file was stored that starts no training: it is no .npy or .csv',
        {
          key: file.key,
        },
      )
    }
    // It may have been written again while it was taken.
    await this.look(file.path)
  }

  #failed(file: IncomingFile, error: unknown): void {
    if (isMillraceError(error, 'ObjectKeyInvalid')) {
      const { path, key } = file
      this.#waiting.delete(key)
      return this.#refuse({ path, key, reason: 'name', message: messageOf(error) })
    }
    file.retryAt = this.#options.clock.now() + this.#options.timings.retryMs
    const cause = error instanceof Error ? error.cause : undefined
    if (hasCode(error, 'EACCES', 'EPERM') || hasCode(cause, 'EACCES', 'EPERM')) {
      return this.#unreadable(file.path, file.key, error)
    }
    this.#options.logger.error('a file in the folder could not be stored and is tried again', {
      key: file.key,
      error: String(error),
    })
  }

  #unreadable(path: string, key: string, error: unknown): void {
    this.#refuse({ path, key, reason: 'unreadable', message: messageOf(error) })
  }

  /** Tells once, as long as it stays as it is. */
  #refuse(refused: RefusedFile): void {
    if (this.#refused.get(refused.path) === refused.reason) return
    this.#refused.set(refused.path, refused.reason)
    const { logger, onRefused } = this.#options
    const { key, reason, message } = refused
    logger.warn('something in the folder of uploads is refused', { key, reason, error: message })
    try {
      onRefused(refused)
    } catch (error) {
      logger.error('a refusal could not be told', { key, error: String(error) })
    }
  }
}

const refusals = {
  directory: {
    reason: 'directory',
    message: 'it is a folder with the name of a dataset: copy the file itself',
  },
  link: { reason: 'link', message: 'it is a symbolic link: copy the file that it points to' },
  special: { reason: 'special', message: 'it is no regular file: copy a file' },
  encoding: { reason: 'name', message: 'its name is not UTF-8: rename it' },
} as const

/** Hidden files, those that programs write while they copy, and what is in a refused folder. */
function isIgnored(key: string): boolean {
  const segments = key.split('/')
  return (
    segments.some((segment) => segment.startsWith('.')) ||
    segments.slice(0, -1).some(isDatasetName) ||
    /(\.tmp|\.part|~)$/i.test(key)
  )
}

function isDatasetName(key: string): boolean {
  return /\.(npy|csv)$/i.test(key)
}

/**
 * The length that the header of a `.npy` declares, or as much of it as is needed to read that;
 * undefined when it is none.
 */
async function declaredBytes(path: string): Promise<number | undefined> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { bytesRead, buffer } = await handle.read(
      Buffer.alloc(npyHeaderBytes),
      0,
      npyHeaderBytes,
      0,
    )
    const header = parseNpyHeader(buffer.subarray(0, bytesRead))
    return header.complete ? header.byteLength : header.bytesNeeded
  } catch (error) {
    if (isDataError(error)) return undefined
    throw error
  } finally {
    await handle.close()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

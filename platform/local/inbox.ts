import { join } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { maxDatasetBytes } from '../../tasks/dataset.ts'
import type { Clock, Logger } from '../ports/observability.ts'
import {
  defaultTimings,
  IncomingFiles,
  type InboxTimings,
  type RefusedFile,
} from './incoming-files.ts'
import type { LocalObjects } from './objects.ts'
import { systemClock } from './observability.ts'
import { uploadsPrefix } from './visible-bucket.ts'

export type { InboxTimings, RefusedFile } from './incoming-files.ts'

export interface InboxOptions {
  readonly objects: LocalObjects
  readonly logger: Logger
  /** @default the system's */
  readonly clock?: Clock
  /** Told at once of what cannot become an object, and again after a restart while it is there. */
  readonly onRefused?: (refused: RefusedFile) => void
  readonly timings?: Partial<InboxTimings>
  /** @default maxDatasetBytes */
  readonly maxBytes?: number
}

/** A folder is looked into again so long after it appeared: it is watched a moment later. */
const secondLooksMs = [50, 250, 1000]

/** The whole folder is looked through so often, for changes that the system did not tell of. */
const rescanMs = 10_000

/**
 * Watches `<dataDir>/bucket/uploads/` and takes each complete file as an object version, also those
 * that were copied while the platform was down. A file that was taken is not taken again while it
 * stays as it is; written anew it is a new version; removing it changes nothing.
 */
export class Inbox {
  readonly #folder: string
  readonly #files: IncomingFiles
  readonly #logger: Logger
  readonly #tickMs: number
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #work = new Set<Promise<void>>()
  #watcher: FSWatcher | undefined
  #ticking: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: InboxOptions) {
    const timings = { ...defaultTimings, ...options.timings }
    this.#folder = join(options.objects.directory, uploadsPrefix)
    this.#files = new IncomingFiles({
      objects: options.objects,
      clock: options.clock ?? systemClock,
      logger: options.logger,
      timings,
      maxBytes: options.maxBytes ?? maxDatasetBytes,
      onRefused: options.onRefused ?? (() => undefined),
    })
    this.#logger = options.logger
    this.#tickMs = Math.max(5, Math.ceil(timings.stableMs / 4))
  }

  /** Resolves when the folder is watched and was looked through once. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#watcher = watch(this.#folder, {
        followSymlinks: false,
        // Watching the folders is enough to hear of their files, of every kind.
        ignored: (_, stats) => stats !== undefined && !stats.isDirectory(),
      })
      this.#watcher
        .on('addDir', (folder) => this.#appeared(folder))
        .on('raw', (_, name, details) => this.#changed(name, details))
        .on('error', (error) => this.#log(error))
        .on('ready', () => resolve())
    })
    await this.#do(() => this.#files.scan(this.#folder))
    const rescan = setInterval(() => void this.#do(() => this.#files.scan(this.#folder)), rescanMs)
    this.#timers.add(rescan.unref())
  }

  /** Stops watching; a file that is being taken is taken to its end. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#ticking)
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#watcher?.close()
    await Promise.all(this.#work)
  }

  #appeared(folder: string): void {
    void this.#do(() => this.#files.scan(folder))
    for (const milliseconds of secondLooksMs) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        void this.#do(() => this.#files.scan(folder))
      }, milliseconds)
      this.#timers.add(timer)
    }
  }

  #changed(name: unknown, details: unknown): void {
    const folder = (details as { watchedPath?: unknown } | undefined)?.watchedPath
    if (typeof name !== 'string' || typeof folder !== 'string') return
    void this.#do(async () => {
      await this.#files.look(join(folder, name))
    })
  }

  async #do(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return
    const run = work().catch((error: unknown) => this.#log(error))
    this.#work.add(run)
    await run
    this.#work.delete(run)
    this.#keepTicking()
  }

  /** Time matters only while a file waits. */
  #keepTicking(): void {
    if (this.#isClosed || this.#ticking !== undefined || this.#files.waiting === 0) return
    this.#ticking = setInterval(() => {
      void this.#do(() => this.#files.tick())
      if (this.#files.waiting > 0) return
      clearInterval(this.#ticking)
      this.#ticking = undefined
    }, this.#tickMs)
  }

  #log(error: unknown): void {
    this.#logger.error('the folder of uploads could not be watched', { error: String(error) })
  }
}

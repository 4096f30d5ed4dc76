import type { ObjectVersion } from '../ports/objects.ts'
import type { Logger } from '../ports/observability.ts'
import type { LocalDatabase } from './database.ts'
import type { ObjectRows } from './object-rows.ts'
import type { VersionFiles } from './version-files.ts'
import type { PreparedCopy, VisibleFiles } from './visible-files.ts'

/** The folder of the bucket that people copy files to. */
export const uploadsPrefix = 'uploads/'

/**
 * Keeps the visible files in step with what is current. What is to be shown is on record before it is
 * shown, so that a crash in between is made good at the next open.
 */
export class VisibleBucket {
  readonly #database: LocalDatabase
  readonly #rows: ObjectRows
  readonly #versions: VersionFiles
  readonly #files: VisibleFiles
  readonly #logger: Logger
  /** Files that are in order, by key, to be written down with the next transaction. */
  readonly #settled = new Map<string, string | undefined>()

  constructor(parts: {
    database: LocalDatabase
    rows: ObjectRows
    versions: VersionFiles
    files: VisibleFiles
    logger: Logger
  }) {
    this.#database = parts.database
    this.#rows = parts.rows
    this.#versions = parts.versions
    this.#files = parts.files
    this.#logger = parts.logger
  }

  /** Makes the copy of a version that is to be shown. */
  prepare(versionId: string): Promise<PreparedCopy> {
    return this.#files.prepare(this.#versions.pathOf(versionId))
  }

  /** Copies the file that someone put under a key: see `VisibleFiles`. */
  snapshot<Written extends { readonly size: number }>(
    key: string,
    write: (bytes: AsyncIterable<Uint8Array>) => Promise<Written>,
  ): Promise<(Written & { readonly fingerprint: string }) | undefined> {
    return this.#files.snapshot(key, write)
  }

  /** Shows a current version; that it cannot be shown does it no harm. */
  show({ key, versionId }: ObjectVersion, copy: PreparedCopy): void {
    this.#refresh(key, () => {
      try {
        if (!this.#isNewUpload(key)) this.#files.show(key, copy)
        else this.#versions.remove(`${versionId}.copy`)
        return copy.fingerprint
      } catch (error) {
        this.#versions.remove(`${versionId}.copy`)
        throw error
      }
    })
  }

  hide(key: string): void {
    this.#refresh(key, () => {
      if (!this.#isNewUpload(key)) this.#files.hide(key)
      return undefined
    })
  }

  /** A file is in order as it is. */
  settled(key: string, fingerprint: string | undefined): void {
    this.#settled.set(key, fingerprint)
  }

  /** Within a transaction: writes down the files that are in order. */
  settle(): void {
    for (const [key, fingerprint] of this.#settled) this.#rows.settle(key, fingerprint)
    this.#settled.clear()
  }

  /** At open: ends the changes that a crash cut off. */
  async recover(): Promise<void> {
    for (const key of this.#rows.expectedRefreshes()) await this.#repair(key)
    this.#database.transaction(() => this.settle())
  }

  close(): void {
    if (this.#settled.size > 0) this.#database.transaction(() => this.settle())
  }

  /** Changes the visible file of a key. `change` answers the fingerprint of what is then shown. */
  #refresh(key: string, change: () => string | undefined): void {
    try {
      this.#settled.set(key, change())
    } catch (error) {
      this.#logger.warn('the visible copy of an object could not be brought up to date', {
        key,
        error: String(error),
      })
    }
  }

  /** Whether someone's own file is there, which is a version to come and must not be overwritten. */
  #isNewUpload(key: string): boolean {
    if (!key.startsWith(uploadsPrefix)) return false
    const shown = this.#files.fingerprint(key)
    if (shown === undefined || shown === 'other') return false
    return this.#rows.versionOfFile(key, shown) === undefined
  }

  async #repair(key: string): Promise<void> {
    const version = this.#rows.current(key)
    if (version === undefined) return this.hide(key)
    const shown = this.#files.fingerprint(key)
    if (shown !== undefined && this.#rows.versionOfFile(key, shown) === version.versionId) {
      this.#settled.set(key, shown)
      return
    }
    const copy = await this.prepare(version.versionId)
    this.#database.transaction(() => this.#rows.addFile(key, copy.fingerprint, version.versionId))
    this.show(version, copy)
  }
}

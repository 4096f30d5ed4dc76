import { randomBytes } from 'node:crypto'
import { checkUploadedParts, chosenParts, uploadNotFound } from '../ports/object-options.ts'
import type { PutOptions, UploadedPart } from '../ports/objects.ts'
import { type LocalDatabase, storageError } from './database.ts'
import type { VersionFiles } from './version-files.ts'

/** So much of a part is in memory when an object is assembled. */
const chunkBytes = 1024 * 1024

/** How long an upload may be under way, in milliseconds. */
const maxAge = 7 * 24 * 3600 * 1000

interface Part {
  readonly fileId: string
  readonly size: number
  readonly etag: string
}

/**
 * Uploads in parts that are under way. Each part is a file of its own, which counts once its row is
 * written, after its bytes are safe; a part that is sent again is another file.
 */
export class MultipartUploads {
  readonly #database: LocalDatabase
  readonly #files: VersionFiles
  readonly #statements

  constructor(database: LocalDatabase, files: VersionFiles) {
    this.#database = database
    this.#files = files
    this.#statements = prepareStatements(database)
  }

  /** Answers the id of a new upload. */
  start(key: string, options: PutOptions, now: number): string {
    const uploadId = newId()
    this.#database.transaction(() =>
      this.#statements.insertUpload.run(uploadId, key, JSON.stringify(options), now),
    )
    return uploadId
  }

  /** Throws UploadNotFound unless the upload is under way. */
  check(key: string, uploadId: string): void {
    this.#find(key, uploadId)
  }

  /** Keeps a part, in place of one sent before. Answers its etag once it is durable. */
  async addPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: AsyncIterable<Uint8Array>,
  ): Promise<string> {
    this.check(key, uploadId)
    const fileId = newId()
    const { size, sha256 } = await this.#files.write(fileId, body)
    const etag = sha256.slice(0, 32)
    try {
      await this.#files.syncNames()
      const replaced = this.#database.transaction(() => {
        this.check(key, uploadId)
        const before = this.#part(uploadId, partNumber)
        this.#statements.putPart.run(uploadId, partNumber, fileId, size, etag)
        return before
      })
      if (replaced !== undefined) this.drop([replaced.fileId])
      await this.#database.durable()
      return etag
    } catch (error) {
      if (this.#part(uploadId, partNumber)?.fileId !== fileId) this.drop([fileId])
      throw storageError(error)
    }
  }

  /** The bytes that the named parts make, and what was said of them at the start. */
  assemble(
    key: string,
    uploadId: string,
    named: readonly UploadedPart[],
  ): { body: AsyncIterable<Uint8Array>; options: PutOptions } {
    const checked = checkUploadedParts(named)
    const options = this.#find(key, uploadId)
    const parts = this.#database.read(() =>
      chosenParts(checked, (partNumber) => this.#part(uploadId, partNumber)),
    )
    return { body: this.#bytesOf(parts), options }
  }

  /** Within a transaction: `end` of an upload that must be under way. Throws UploadNotFound. */
  complete(key: string, uploadId: string): string[] {
    const fileIds = this.end(key, uploadId)
    if (fileIds === undefined) throw uploadNotFound(key, uploadId)
    return fileIds
  }

  /**
   * Within a transaction: takes an upload off the record. Answers the files of its parts, to be
   * dropped after the commit, or undefined when it was not under way.
   */
  end(key: string, uploadId: string): string[] | undefined {
    if (this.#statements.upload.get(uploadId, key) === undefined) return undefined
    const fileIds = this.#statements.files.all(uploadId).map((row) => row['file_id'] as string)
    this.#statements.deleteParts.run(uploadId)
    this.#statements.deleteUpload.run(uploadId)
    return fileIds
  }

  /** Removes files of parts; what cannot be removed now is swept later. */
  drop(fileIds: readonly string[]): void {
    for (const fileId of fileIds) this.#files.remove(fileId)
  }

  /** At open: ends uploads that nobody goes on with, and removes the files that a crash left. */
  sweep(now: number): void {
    this.#database.transaction(() => {
      // Those of a version that did not note the time.
      this.#statements.startAt.run(now)
      this.#statements.deletePartsBefore.run(now - maxAge)
      this.#statements.deleteUploadsBefore.run(now - maxAge)
    })
    const rows = this.#statements.allFiles.all()
    this.#files.sweep(new Set(rows.map((row) => row['file_id'] as string)))
  }

  async *#bytesOf(parts: readonly Part[]): AsyncGenerator<Uint8Array> {
    try {
      for (const { fileId, size } of parts) {
        for (let at = 0; at < size; at += chunkBytes) {
          const end = Math.min(at + chunkBytes, size)
          const bytes = await this.#files.read(fileId, at, end)
          if (bytes.length < end - at) throw shortened(fileId)
          yield bytes
        }
      }
    } catch (error) {
      throw storageError(error)
    }
  }

  #find(key: string, uploadId: string): PutOptions {
    const row = this.#database.read(() => this.#statements.upload.get(uploadId, key))
    if (row === undefined) throw uploadNotFound(key, uploadId)
    return JSON.parse(row['options'] as string) as PutOptions
  }

  #part(uploadId: string, partNumber: number): Part | undefined {
    const row = this.#statements.part.get(uploadId, partNumber)
    if (row === undefined) return undefined
    return {
      fileId: row['file_id'] as string,
      size: row['size'] as number,
      etag: row['etag'] as string,
    }
  }
}

/** 32 characters that are safe in a URL and in a file name. */
function newId(): string {
  return randomBytes(24).toString('base64url')
}

function shortened(fileId: string): Error {
  const message = `the file of part ${fileId} is shorter than it was written`
  return Object.assign(new Error(message), { code: 'EIO', syscall: 'read' })
}

function prepareStatements({ connection }: LocalDatabase) {
  connection.exec(
    `CREATE TABLE IF NOT EXISTS object_uploads
       (upload_id TEXT PRIMARY KEY, key TEXT NOT NULL, options TEXT NOT NULL,
        started_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS object_parts
       (upload_id TEXT NOT NULL, part_number INTEGER NOT NULL, file_id TEXT NOT NULL,
        size INTEGER NOT NULL, etag TEXT NOT NULL,
        PRIMARY KEY (upload_id, part_number)) WITHOUT ROWID`,
  )
  const columns = connection.prepare('PRAGMA table_info(object_uploads)').all()
  if (!columns.some(({ name }) => name === 'started_at')) {
    connection.exec('ALTER TABLE object_uploads ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0')
  }
  return {
    insertUpload: connection.prepare('INSERT INTO object_uploads VALUES (?, ?, ?, ?)'),
    upload: connection.prepare(
      'SELECT options FROM object_uploads WHERE upload_id = ? AND key = ?',
    ),
    deleteUpload: connection.prepare('DELETE FROM object_uploads WHERE upload_id = ?'),
    startAt: connection.prepare('UPDATE object_uploads SET started_at = ? WHERE started_at = 0'),
    deletePartsBefore: connection.prepare(
      `DELETE FROM object_parts WHERE upload_id IN
         (SELECT upload_id FROM object_uploads WHERE started_at <= ?)`,
    ),
    deleteUploadsBefore: connection.prepare('DELETE FROM object_uploads WHERE started_at <= ?'),
    putPart: connection.prepare('INSERT OR REPLACE INTO object_parts VALUES (?, ?, ?, ?, ?)'),
    part: connection.prepare(
      'SELECT file_id, size, etag FROM object_parts WHERE upload_id = ? AND part_number = ?',
    ),
    files: connection.prepare('SELECT file_id FROM object_parts WHERE upload_id = ?'),
    allFiles: connection.prepare('SELECT file_id FROM object_parts'),
    deleteParts: connection.prepare('DELETE FROM object_parts WHERE upload_id = ?'),
  }
}

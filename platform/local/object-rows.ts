import { randomBytes } from 'node:crypto'
import { keyConflict, parentsOf } from '../ports/object-key.ts'
import { entryOf } from '../ports/object-options.ts'
import type { ObjectEntry, ObjectVersion } from '../ports/objects.ts'
import { sequencerText } from '../ports/sequencer.ts'
import type { LocalDatabase } from './database.ts'

/** What of a version is known before it has its place in the order. */
export interface NewVersion {
  readonly key: string
  readonly versionId: string
  readonly size: number
  readonly etag: string
  readonly sha256: string
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
  /** Milliseconds since 1970. */
  readonly time: number
}

/**
 * The object store's part of the database: versions, which of them is current, and the files of the
 * visible bucket that are known, by fingerprint: our own copies, and files taken from it.
 *
 * What writes is for the caller's transaction.
 */
export class ObjectRows {
  readonly #bucket: string
  readonly #database: LocalDatabase
  readonly #statements

  constructor(database: LocalDatabase, bucket: string) {
    this.#bucket = bucket
    this.#database = database
    this.#statements = prepareStatements(database)
  }

  current(key: string): ObjectVersion | undefined {
    return this.#one(this.#statements.current.get(key))
  }

  version(key: string, versionId: string): ObjectVersion | undefined {
    return this.#one(this.#statements.version.get(key, versionId))
  }

  versions(key: string): ObjectEntry[] {
    return this.#statements.versions.all(key).map((row) => entryOf(versionOf(row, this.#bucket)))
  }

  list(prefix: string, after: string, below: string | Uint8Array, limit: number): ObjectEntry[] {
    return this.#statements.list
      .all(prefix, after, below, limit)
      .map((row) => entryOf(versionOf(row, this.#bucket)))
  }

  versionIds(): Set<string> {
    return new Set(this.#statements.versionIds.all().map((row) => row['version_id'] as string))
  }

  /** Throws ObjectKeyInvalid when the key would be a folder and a file at once. */
  checkConflict(key: string): void {
    const inFolder = this.#statements.anyBetween.get(`${key}/`, `${key}0`)
    if (inFolder !== undefined) throw keyConflict(key, inFolder['key'] as string)
    for (const parent of parentsOf(key)) {
      if (this.#statements.exists.get(parent) !== undefined) throw keyConflict(key, parent)
    }
  }

  /**
   * Records a version, with the file that shows it, and makes it current. Its place in the order of
   * the writes of a bucket is its sequencer.
   */
  insert(version: NewVersion, fingerprint: string): void {
    const { key, versionId, size, etag, sha256, contentType, metadata, time } = version
    const metadataText = JSON.stringify(metadata)
    const { insert, insertFile, makeCurrent } = this.#statements
    insert.run(versionId, key, size, etag, sha256, contentType, metadataText, time)
    makeCurrent.run(key, versionId)
    insertFile.run(key, fingerprint, versionId)
  }

  /** Answers whether there was something to delete. */
  delete(key: string): boolean {
    return Number(this.#statements.delete.run(key).changes) > 0
  }

  /** The visible file of a key is about to be changed: to be seen to again after a crash. */
  expectRefresh(key: string): void {
    this.#statements.expectRefresh.run(key)
  }

  /** Keys whose visible file may not be that of their current version. */
  expectedRefreshes(): string[] {
    return this.#statements.refreshes.all().map((row) => row['key'] as string)
  }

  /** The visible file is in order: what was known of earlier ones is no longer needed. */
  settle(key: string, fingerprint: string | undefined): void {
    this.#statements.forgetFiles.run(key, fingerprint ?? '')
    this.#statements.refreshed.run(key)
  }

  addFile(key: string, fingerprint: string, versionId: string): void {
    this.#statements.insertFile.run(key, fingerprint, versionId)
  }

  /** The version that a visible file is, or undefined when it is new to us. */
  versionOfFile(key: string, fingerprint: string): string | undefined {
    return this.#statements.file.get(key, fingerprint)?.['version_id'] as string | undefined
  }

  /** The secret that signs upload URLs, made once. */
  uploadSecret(): Uint8Array {
    const secret = this.#statements.secret.get()?.['value']
    if (secret instanceof Uint8Array) return secret
    const fresh = randomBytes(32)
    this.#database.transaction(() => this.#statements.saveSecret.run(fresh))
    return fresh
  }

  #one(row: Record<string, unknown> | undefined): ObjectVersion | undefined {
    return row && versionOf(row, this.#bucket)
  }
}

function prepareStatements({ connection }: LocalDatabase) {
  connection.exec(
    `CREATE TABLE IF NOT EXISTS object_versions
       (sequence INTEGER PRIMARY KEY AUTOINCREMENT, version_id TEXT NOT NULL UNIQUE,
        key TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, sha256 TEXT NOT NULL,
        content_type TEXT NOT NULL, metadata TEXT NOT NULL, time INTEGER NOT NULL);
     CREATE INDEX IF NOT EXISTS object_versions_of_key ON object_versions (key, sequence);
     CREATE TABLE IF NOT EXISTS object_current
       (key TEXT PRIMARY KEY, version_id TEXT NOT NULL) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS object_files
       (key TEXT NOT NULL, fingerprint TEXT NOT NULL, version_id TEXT NOT NULL,
        PRIMARY KEY (key, fingerprint)) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS object_refreshes (key TEXT PRIMARY KEY) WITHOUT ROWID;
     CREATE TABLE IF NOT EXISTS object_secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL)`,
  )
  const fromCurrent = 'FROM object_current c JOIN object_versions v USING (version_id)'
  return {
    current: connection.prepare(`SELECT v.* ${fromCurrent} WHERE c.key = ?`),
    version: connection.prepare('SELECT * FROM object_versions WHERE key = ? AND version_id = ?'),
    versions: connection.prepare(
      'SELECT * FROM object_versions WHERE key = ? ORDER BY sequence DESC',
    ),
    list: connection.prepare(
      `SELECT v.* ${fromCurrent} WHERE c.key >= ? AND c.key > ? AND c.key < ?
         ORDER BY c.key LIMIT ?`,
    ),
    versionIds: connection.prepare('SELECT version_id FROM object_versions'),
    anyBetween: connection.prepare(
      'SELECT key FROM object_current WHERE key > ? AND key < ? LIMIT 1',
    ),
    exists: connection.prepare('SELECT 1 FROM object_current WHERE key = ?'),
    insert: connection.prepare(
      `INSERT INTO object_versions
         (version_id, key, size, etag, sha256, content_type, metadata, time)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    makeCurrent: connection.prepare('INSERT OR REPLACE INTO object_current VALUES (?, ?)'),
    delete: connection.prepare('DELETE FROM object_current WHERE key = ?'),
    insertFile: connection.prepare('INSERT OR REPLACE INTO object_files VALUES (?, ?, ?)'),
    file: connection.prepare(
      'SELECT version_id FROM object_files WHERE key = ? AND fingerprint = ?',
    ),
    forgetFiles: connection.prepare('DELETE FROM object_files WHERE key = ? AND fingerprint <> ?'),
    expectRefresh: connection.prepare('INSERT OR IGNORE INTO object_refreshes VALUES (?)'),
    refreshed: connection.prepare('DELETE FROM object_refreshes WHERE key = ?'),
    refreshes: connection.prepare('SELECT key FROM object_refreshes'),
    secret: connection.prepare(`SELECT value FROM object_secrets WHERE name = 'uploads'`),
    saveSecret: connection.prepare(`INSERT INTO object_secrets VALUES ('uploads', ?)`),
  }
}

function versionOf(row: Record<string, unknown>, bucket: string): ObjectVersion {
  return {
    bucket,
    key: row['key'] as string,
    versionId: row['version_id'] as string,
    size: row['size'] as number,
    etag: row['etag'] as string,
    sha256: row['sha256'] as string,
    contentType: row['content_type'] as string,
    metadata: JSON.parse(row['metadata'] as string) as Record<string, string>,
    lastModified: new Date(row['time'] as number).toISOString(),
    sequencer: sequencerText(row['sequence'] as number),
  }
}

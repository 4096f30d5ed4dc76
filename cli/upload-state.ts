import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { maxUploadAge } from '../tasks/upload-records.ts'
import type { PlatformLocation } from './platform-location.ts'

const uploadState = z.object({
  uploadId: z.string(),
  partSize: z.number().int().positive(),
  /** Etags of the parts that were sent, by their numbers. */
  etags: z.record(z.string(), z.string()),
})
export type UploadState = z.infer<typeof uploadState>

/**
 * What is known of an upload in parts, so that the same command goes on with it: a small file, beside
 * the data of a platform on this machine, else in the user's folder for such state.
 */
export class UploadStateFile {
  readonly #folder: string
  readonly #path: string
  #writing: Promise<void> = Promise.resolve()

  /** @param identity what makes it the same upload, beside where it goes */
  constructor(location: PlatformLocation, identity: readonly unknown[]) {
    this.#folder = folderOf(location)
    const { kind } = location
    const to = kind === 'embedded' ? [] : [location.stack, location.region, location.endpoint]
    const text = JSON.stringify([kind, to, identity])
    const name = createHash('sha256').update(text).digest('hex').slice(0, 32)
    this.#path = join(this.#folder, `${name}.json`)
  }

  /** What is known; undefined where there is nothing, or nothing that could be read. */
  async read(): Promise<UploadState | undefined> {
    await this.#removeOld()
    try {
      return uploadState.parse(JSON.parse(await readFile(this.#path, 'utf8')))
    } catch {
      return undefined
    }
  }

  /** Replaces what is known, whole; writes come one after another. */
  write(state: UploadState): Promise<void> {
    const text = JSON.stringify(state)
    const written = this.#writing.then(async () => {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      const temporary = `${this.#path}.${process.pid}`
      await writeFile(temporary, text, { mode: 0o600 })
      await rename(temporary, this.#path)
    })
    this.#writing = written.catch(() => undefined)
    return written
  }

  async remove(): Promise<void> {
    await this.#writing
    await rm(this.#path, { force: true })
  }

  /** What nobody went on with, and the platform has forgotten too. */
  async #removeOld(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => [])
    for (const name of names) {
      const path = join(this.#folder, name)
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && Date.now() - found.mtimeMs > maxUploadAge) {
        await rm(path, { force: true })
      }
    }
  }
}

function folderOf(location: PlatformLocation): string {
  if (location.kind === 'embedded') return join(location.dataDir, 'unfinished-uploads')
  const state = process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state')
  return join(state, 'millrace', 'unfinished-uploads')
}

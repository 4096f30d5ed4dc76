import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DocsFile } from '../../api/docs-page.ts'

/** From the folder that the build fills, whether this module runs from the sources or from what was built. */
const directory = import.meta.filename.endsWith('.ts') ? '../../dist/docs-page' : '../../docs-page'

/** The files of the page at `/docs`, gzipped. */
export async function docsFile(name: DocsFile): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(join(import.meta.dirname, directory, `${name}.gz`)))
}

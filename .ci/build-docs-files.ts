import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { docsFiles } from '../api/docs-page.ts'

// Run by the build: takes of Swagger UI what the page at `/docs` loads, so that the published package
// has those two files of it, and its licence, and nothing else.

const source = dirname(fileURLToPath(import.meta.resolve('swagger-ui-dist/package.json')))
const target = resolve(import.meta.dirname, '../dist/docs-page')

await mkdir(target, { recursive: true })
for (const name of docsFiles) {
  await writeFile(
    join(target, `${name}.gz`),
    gzipSync(await readFile(join(source, name)), { level: 9 }),
  )
}
for (const name of ['LICENSE', 'NOTICE']) await copyFile(join(source, name), join(target, name))

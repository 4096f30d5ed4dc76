import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const folder = resolve(import.meta.dirname, '../../../ml/drift')
const entry = pathToFileURL(join(folder, 'index.ts')).href

const examples = readdirSync(folder).flatMap((file) => {
  const text = readFileSync(join(folder, file), 'utf8')
  return [...text.matchAll(/^ \* ```ts\n([^]*?)^ \* ```$/gm)].map(([, block]) => ({
    file,
    code: block!.replace(/^ \* ?/gm, ''),
  }))
})

describe('the examples of the docstrings', () => {
  it('are there for every detector', () => {
    const files = examples.map(({ file }) => file)
    expect(files).toEqual(
      expect.arrayContaining(['adwin.ts', 'ddm.ts', 'eddm.ts', 'hddm-a.ts', 'page-hinkley.ts']),
    )
  })

  it.concurrent.each(examples)('of $file run and print what they say', async ({ code }) => {
    const promised = [...code.matchAll(/^\/\/ (.*)$/gm)].map(([, line]) => line)
    const program = code.replace("'millrace/drift'", JSON.stringify(entry))
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module-typescript',
      '--eval',
      program,
    ])
    expect(promised.length).toBeGreaterThan(0)
    expect(stdout.trim().split('\n')).toEqual(promised)
  })
})

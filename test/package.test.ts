import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeVersion } from '../tasks/code-version.ts'

const root = resolve(import.meta.dirname, '..')

// The Node that runs this test comes first on the path, as in an npm script.
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` }
const run = (command: string, args: string[], cwd: string) =>
  promisify(execFile)(command, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 })

let directory: string
let tarball: string
const packageJson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  version: string
  exports: Record<string, unknown>
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-package-'))
  const packed = await run('npm', ['pack', '--json', '--pack-destination', directory], root)
  const [{ filename }] = JSON.parse(/^\[[^]*/m.exec(packed.stdout)![0]) as [{ filename: string }]
  tarball = join(directory, filename)
  await writeFile(join(directory, 'package.json'), '{"private": true, "type": "module"}')
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], directory)
}, 180_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

describe('the package', () => {
  it('is what publint finds nothing against', async () => {
    const bytes = await readFile(tarball)
    const { messages, pkg } = await publint({
      pack: { tarball: Uint8Array.from(bytes).buffer },
      strict: true,
    })
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
  })

  it.each(Object.keys(packageJson.exports))('gives %s when it is installed', async (entry) => {
    const specifier = `millrace${entry.slice(1)}`
    const attributes = entry.endsWith('.json') ? ", { with: { type: 'json' } }" : ''
    const script = `const all = await import('${specifier}'${attributes}); console.log(Object.keys(all).length)`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], directory)
    expect(Number(stdout)).toBeGreaterThan(0)
  })

  it('runs the demo when it is installed', async () => {
    const { stdout } = await run('npx', ['--no-install', 'millrace', 'demo'], directory)
    expect(stdout).toMatch(/Answer +class 1 /)
  }, 60_000)

  it('has the version that models are marked with', () => {
    expect(codeVersion).toBe(packageJson.version)
  })
})

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
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
  peerDependencies: Record<string, string>
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-package-'))
  const packed = await run('npm', ['pack', '--json', '--pack-destination', directory], root)
  const [{ filename }] = JSON.parse(/^\[[^]*/m.exec(packed.stdout)![0]) as [{ filename: string }]
  tarball = join(directory, filename)
  await writeFile(join(directory, 'package.json'), '{"private": true, "type": "module"}')
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], directory)
})

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

  const onAws = ['./aws', './cdk']
  const entries = Object.keys(packageJson.exports)

  it.each(entries.filter((entry) => !onAws.includes(entry)))(
    'gives %s without any optional package',
    (entry) => gives(entry),
  )

  it.each(onAws)('gives %s beside the packages that it is for', async (entry) => {
    for (const peer of Object.keys(packageJson.peerDependencies)) {
      const link = join(directory, 'node_modules', peer)
      await mkdir(dirname(link), { recursive: true })
      await symlink(join(root, 'node_modules', peer), link).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      })
    }
    await gives(entry)
  })

  async function gives(entry: string): Promise<void> {
    const specifier = `millrace${entry.slice(1)}`
    const attributes = entry.endsWith('.json') ? ", { with: { type: 'json' } }" : ''
    const script = `const all = await import('${specifier}'${attributes}); console.log(Object.keys(all).length)`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], directory)
    expect(Number(stdout)).toBeGreaterThan(0)
  }

  it('runs the demo when it is installed', async () => {
    const { stdout } = await run('npx', ['--no-install', 'millrace', 'demo'], directory)
    expect(stdout).toMatch(/Answer +class 1 /)
  })

  it('has the version that models are marked with', () => {
    expect(codeVersion).toBe(packageJson.version)
  })
})

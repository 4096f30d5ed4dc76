import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What of Python this project is tested with: one virtual environment, `.venv`, of pinned packages. */
export const venv = join(dirname(import.meta.dirname), '.venv')
export const binaries = join(venv, process.platform === 'win32' ? 'Scripts' : 'bin')

export interface PythonPackage {
  readonly name: string
  readonly version: string
  /** As pip reads it: `[full]`. @default none */
  readonly extras?: string
  /** Begins a sentence, as "the emulator". */
  readonly role: string
  /** What to do without Python; a sentence. */
  readonly otherwise: string
}

/**
 * Installs a package unless it is there in this version; makes the virtual environment for the first.
 * Throws where there is no Python, and what pip says.
 */
export function installPackage(wanted: PythonPackage, tell: (line: string) => void): void {
  const { name, version, extras = '', role, otherwise } = wanted
  if (installedVersion(name) === version) return
  const python = ['python3', 'python'].find((one) => /^Python 3\./.test(outputOf(one, '-V')))
  if (python === undefined) {
    throw new Error(
      `${role} needs Python 3.10 or later, and there is no python3 on the path. ${otherwise}`,
    )
  }
  tell(`Installing ${role} (${name} ${version}) into .venv; once, for about a minute`)
  run(python, ['-m', 'venv', venv], 'Debian has venv in the package python3-venv')
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  run(join(binaries, 'python'), [...pip, `${name}${extras}==${version}`], 'it needs PyPI')
}

function installedVersion(name: string): string {
  const python = join(binaries, 'python')
  if (!existsSync(python)) return ''
  const script = `import importlib.metadata as m; print(m.version('${name}'))`
  return outputOf(python, '-c', script).trim()
}

function outputOf(command: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout + stderr : ''
}

function run(command: string, args: string[], hint: string): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  const told = [error?.message, stdout, stderr].filter(Boolean).join('\n').trim()
  throw new Error(`${command} ${args.join(' ')} failed (${hint}):\n${told}`)
}

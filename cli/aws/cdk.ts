import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../../platform/ports/index.ts'
import type { Deployment } from '../platform-location.ts'
import type { Terminal } from '../terminal.ts'
import { clientPackages, packagesMissing } from './packages.ts'

/** The CDK of the user's project, and our app that it runs. */
export interface Cdk {
  /** The file of the `cdk` command. */
  readonly command: string
  /** A command line that makes the stack's template. */
  readonly app: string
}

/**
 * Finds `aws-cdk` from the working directory on, and what the app needs beside the app.
 *
 * @throws MillraceError PackageMissing, naming each package that is to be installed.
 */
export function findCdk(directory: string, app = defaultApp()): Cdk {
  const command = manifestOf('aws-cdk', [join(directory, 'package.json'), app])
  const missing = [
    ...(command === undefined ? ['aws-cdk@2'] : []),
    ...['aws-cdk-lib', 'constructs', ...clientPackages].filter(
      (name) => manifestOf(name, [app]) === undefined,
    ),
  ]
  if (command === undefined || missing.length > 0) throw packagesMissing(missing)
  const { bin } = JSON.parse(readFileSync(command, 'utf8')) as { bin: { cdk: string } }
  return {
    command: join(dirname(command), bin.cdk),
    // The CDK drops quotes that stand at both ends of an option.
    app: [...[process.execPath, app].map(quoted), '--'].join(' '),
  }
}

/**
 * Runs the CDK command on the terminal's error stream, until it ends or the terminal's signal ends it.
 *
 * @throws MillraceError DeploymentFailed unless it exits with 0.
 */
export async function runCdk(
  { command, app }: Cdk,
  args: readonly string[],
  deployment: Deployment,
  terminal: Terminal,
): Promise<void> {
  const { profile } = deployment
  const line = [
    ...args,
    ...['--app', app],
    ...(profile === undefined ? [] : ['--profile', profile]),
    ...(deployment.endpoint === undefined ? [] : ['--no-notices', '--no-version-reporting']),
  ]
  // On a terminal of its own it may colour, redraw and ask.
  const isOurs = terminal.err === process.stderr
  const child = spawn(process.execPath, [command, ...line], {
    env: { ...process.env, ...environmentOf(deployment) },
    stdio: isOurs ? ['inherit', process.stderr.fd, process.stderr.fd] : ['ignore', 'pipe', 'pipe'],
  })
  child.stdout?.pipe(terminal.err, { end: false })
  child.stderr?.pipe(terminal.err, { end: false })
  const stop = () => child.kill('SIGTERM')
  terminal.signal.addEventListener('abort', stop)
  try {
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.on('error', reject).on('close', (...end) => resolve(end))
    })
    if (code === 0) return
    throw new MillraceError(
      'DeploymentFailed',
      `cdk ${args[0]} ended with ${code === null ? signal : `exit code ${code}`}; it says why above`,
    )
  } finally {
    terminal.signal.removeEventListener('abort', stop)
  }
}

/** What makes any program of AWS mean this deployment. */
export function environmentOf({
  endpoint,
  region,
  credentials,
}: Deployment): Readonly<Record<string, string>> {
  return {
    ...(endpoint === undefined
      ? {}
      : { AWS_ENDPOINT_URL: endpoint, CDK_DISABLE_CLI_TELEMETRY: 'true' }),
    ...(region === undefined ? {} : { AWS_REGION: region }),
    ...(credentials === undefined
      ? {}
      : {
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        }),
  }
}

/** In the sources TypeScript, in the published package JavaScript: as this file is. */
function defaultApp(): string {
  return fileURLToPath(new URL(`../../cdk/app${extname(import.meta.url)}`, import.meta.url))
}

/** The package.json of a package, as the first of these files finds it. */
function manifestOf(name: string, from: readonly string[]): string | undefined {
  for (const file of from) {
    for (const folder of createRequire(file).resolve.paths(name) ?? []) {
      const manifest = join(folder, name, 'package.json')
      if (existsSync(manifest)) return manifest
    }
  }
  return undefined
}

/** One word of the shell that runs the app. */
function quoted(word: string): string {
  return process.platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", `'\\''`)}'`
}

import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApi } from '../../api/app.ts'
import { openPlatform, type Platform } from '../../platform/local/platform.ts'
import { readOperatorKey } from '../../platform/local/operator-key.ts'
import { serve, type LocalServer } from '../../platform/local/server.ts'
import { RecordingLogger } from '../../platform/testing/memory-observability.ts'
import { leaveDeadLetters } from '../fixtures/dead-letters.ts'
import { shareCompute } from '../platform/local/shared-compute.ts'

const root = resolve(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/api.md'), 'utf8')
const examples = [...page.matchAll(/```sh\n# (\d+)(, at first \d+)?\n([^]*?)```/g)].map(
  ([, status, waits, script]) => ({
    title: script!.split('\n')[0]!.replaceAll(/ -H "Authorization: Bearer \$\w+"/g, ''),
    status: Number(status),
    isAwaited: waits !== undefined,
    script: script!,
  }),
)
const hasCurl = spawnSync('curl', ['--version']).error === undefined

let directory: string
let platform: Platform
let container: LocalServer
let variables: Record<string, string>

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-api-page-'))
  const dataDir = join(directory, '.millrace')
  await leaveDeadLetters(dataDir, 'one', 'two')
  platform = await openPlatform({ dataDir, auth: true, logger: new RecordingLogger() })
  shareCompute(platform)
  const csv = await readFile(join(root, 'examples/iris.csv'), 'utf8')
  await writeFile(join(directory, 'iris.csv'), csv)
  const rows = csv.trim().split('\n').slice(1)
  const arrays = rows.map((row) => row.split(',').map((cell, j) => (j < 4 ? Number(cell) : cell)))
  const lines = arrays.map((row) => `${JSON.stringify(row)}\n`).join('')
  await writeFile(join(directory, 'iris.ndjson'), lines)
  const operatorKey = await readOperatorKey(dataDir)
  const api = createApi(platform.ports, { sagemakerModel: 'ada/iris' })
  container = await serve(api, { host: '127.0.0.1', port: 0 })
  variables = { URL: platform.url, CONTAINER: container.url, OPERATOR_KEY: operatorKey! }
})

afterAll(async () => {
  await container.close()
  await platform.close()
  await rm(directory, { recursive: true, force: true })
})

describe('the page of the API', () => {
  it('has a status with every block of commands', () => {
    expect(examples).toHaveLength(page.split('```sh\n').length - 1)
    expect(examples.length).toBeGreaterThan(40)
  })

  it('has an example of every route', async () => {
    const response = await fetch(`${container.url}/openapi.json`)
    const { paths } = (await response.json()) as { paths: Record<string, object> }
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const shown = new Set(examples.map(({ script }) => routeOf(script, Object.keys(paths))))
    expect(routes.length).toBeGreaterThan(40)
    expect(routes.filter((route) => !shown.has(route))).toEqual([])
  })
})

// In this order: what one makes, a later one asks for.
describe.skipIf(!hasCurl)('its examples (skipped where there is no curl)', () => {
  it.each(examples)('$title answers $status', async ({ script, status, isAwaited }) => {
    if (!isAwaited) return expect(await run(script)).toMatchObject({ status })
    await expect.poll(() => run(script)).toMatchObject({ status })
  })
})

/** Runs a script whose curl tells its status, and takes the variables of later ones from its answer. */
async function run(script: string): Promise<{ status: number; body: string }> {
  const curl = `curl() { command curl -sS -w '\\n%{http_code}' "$@"; }`
  const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', `${curl}\n${script}`], {
    cwd: directory,
    env: { ...process.env, ...variables },
  })
  const end = stdout.lastIndexOf('\n')
  const body = stdout.slice(0, end)
  Object.assign(variables, variablesOf(body))
  return { status: Number(stdout.slice(end + 1)), body }
}

interface Told {
  readonly key?: string
  readonly id?: string
  readonly execution?: string
  readonly url?: string
  readonly parts?: readonly { readonly url: string }[]
  readonly uploadId?: string
  readonly versionId?: string
  readonly batch?: string
  readonly deadLetters?: readonly { readonly messageId: string }[]
}

function variablesOf(body: string): Record<string, string> {
  const [, etag] = /^etag: "?([^"\r\n]+)/im.exec(body) ?? []
  const told: Told = body.startsWith('{') ? (JSON.parse(body) as Told) : {}
  const { key, id, execution, url = told.parts?.[0]?.url, uploadId, versionId, batch } = told
  const isUpload = key?.includes('/') === true
  const named = {
    // The first key is the one that the page works with.
    KEY: variables['KEY'] ?? (isUpload ? undefined : key),
    KEY_ID: key === undefined || isUpload ? undefined : id,
    UPLOAD_KEY: isUpload ? key : undefined,
    PREDICTION: id?.includes('~') ? id : undefined,
    EXECUTION: execution,
    UPLOAD_URL: url,
    UPLOAD_ID: uploadId,
    VERSION_ID: versionId,
    BATCH: batch,
    MESSAGE_ID: told.deadLetters?.[0]?.messageId,
    ETAG: etag,
  }
  return Object.fromEntries(
    Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** The route that a command asks, as the OpenAPI document names it; undefined for none. */
function routeOf(script: string, paths: readonly string[]): string | undefined {
  const [, asked] = /"\$(?:URL|CONTAINER)(\/[^"?]*)/.exec(script) ?? []
  if (asked === undefined) return undefined
  const [, method = / --json | --data-binary /.test(script) ? 'POST' : 'GET'] =
    / -X (\w+)/.exec(script) ?? []
  const fitting = paths.filter((path) =>
    new RegExp(`^${path.replaceAll(/{\w+}/g, '[^/]+')}$`).test(asked),
  )
  // One without parameters is meant where it fits.
  const [path] = fitting.sort((a, b) => a.split('{').length - b.split('{').length)
  return `${method} ${path}`
}

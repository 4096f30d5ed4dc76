import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import autocannon from 'autocannon'

/** POST requests of one body by many connections, each sending its next one when it was answered. */
export interface LoadRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly connections: number
  readonly seconds: number
  /** Requests a second in all, about. @default as many as are answered */
  readonly rate?: number
}

export interface LoadResult {
  readonly requests: number
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx, connections that failed, and answers that took longer than 10 s. */
  readonly errors: number
}

/** What makes the load shares the cores with the servers: wrk is in C, autocannon in JavaScript. */
export const generator = spawnSync('wrk', ['-v']).error === undefined ? 'wrk' : 'autocannon'

export function load(request: LoadRequest): Promise<LoadResult> {
  return generator === 'wrk' ? byWrk(request) : byAutocannon(request)
}

async function byWrk(request: LoadRequest): Promise<LoadResult> {
  const { url, connections, seconds } = request
  const directory = await mkdtemp(join(tmpdir(), 'millrace-wrk-'))
  try {
    const script = join(directory, 'request.lua')
    await writeFile(script, wrkScript(request))
    const size = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s']
    const { stdout } = await promisify(execFile)('wrk', [...size, '-s', script, url])
    const measured = JSON.parse(stdout.slice(stdout.lastIndexOf('\n{'))) as LoadResult
    return measured
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function wrkScript({ headers, body, connections, rate }: LoadRequest): string {
  const pause = rate === undefined ? 0 : (1000 * connections) / rate
  return `
wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
  .join('\n')}
${pause > 0 ? `function delay() return math.random(0, ${Math.round(2 * pause)}) end` : ''}
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"requestsPerSecond":%.1f,"p50":%.3f,"p99":%.3f,"errors":%d}\\n',
    summary.requests, summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.connect + e.read + e.write + e.status + e.timeout))
end
`
}

async function byAutocannon(request: LoadRequest): Promise<LoadResult> {
  const { url, headers, body, connections, seconds, rate } = request
  const result = await autocannon({
    ...{ url, method: 'POST', headers: { ...headers }, body, connections, duration: seconds },
    ...(rate === undefined ? {} : { overallRate: rate }),
  })
  return {
    requests: result.requests.total,
    requestsPerSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: result.non2xx + result.errors,
  }
}

import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { lendSource } from '../../tasks/remote-source.ts'
import { residentBytes } from '../resident-memory.ts'
import type { ChildAnswer, ChildCall } from './process-compute.ts'

/** Runs one job in this process, which does nothing else: its input and answer are files. */
const [call, answer] = process.argv.slice(2)
const { module, name, input, large } = deserialize(readFileSync(call!)) as ChildCall
const exports = (await import(module)) as Record<string, { run(input: unknown): unknown }>
const whole: Record<string, unknown> = { ...input }
/** What is lent to the job: the property of its input, the file and what is read of it at once. */
let lent: { property: string; file: string; blockBytes: number } | undefined
for (const [property, file] of Object.entries(large)) {
  const part = whole[property]
  if (isLent(part)) lent = { property, file, ...part }
  else if (part === undefined) whole[property] = readFileSync(file)
  else whole[property] = { ...(part as object), data: valuesIn(file) }
}
const started = process.cpuUsage()
const told: ChildAnswer = await outcome()
const { user, system } = process.cpuUsage(started)
const peakBytes = residentBytes('VmHWM')
writeFileSync(answer!, serialize({ ...told, seconds: (user + system) / 1e6, peakBytes }))

function valuesIn(file: string): Float64Array {
  const data = new Float64Array(statSync(file).size / 8)
  const descriptor = openSync(file, 'r')
  const bytes = new Uint8Array(data.buffer)
  for (let offset = 0; offset < bytes.length;) offset += readSync(descriptor, bytes, { offset })
  closeSync(descriptor)
  return data
}

function isLent(part: unknown): part is { blockBytes: number } {
  return typeof part === 'object' && part !== null && 'blockBytes' in part
}

async function run(): Promise<unknown> {
  const job = exports[name]!
  if (lent === undefined) return job.run(whole)
  const { property, file, blockBytes } = lent
  const descriptor = openSync(file, 'r')
  const read = async (start: number, end: number) => {
    const bytes = new Uint8Array(end - start)
    readSync(descriptor, bytes, { position: start })
    return bytes
  }
  return lendSource({ size: statSync(file).size, read }, blockBytes, async (source) =>
    job.run({ ...whole, [property]: source }),
  )
}

async function outcome(): Promise<ChildAnswer> {
  try {
    return { ok: true, output: await run() }
  } catch (error) {
    const { name: kind, message } = error as Error
    return { ok: false, name: kind, message }
  }
}

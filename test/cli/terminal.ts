import { Readable, Writable } from 'node:stream'
import { runCommand } from '../../cli/main.ts'

export interface CommandResult {
  readonly exitCode: number
  readonly out: string
  readonly err: string
}

/** Runs a command line of `millrace` in this process and collects what it prints. */
export async function millrace(...args: string[]): Promise<CommandResult> {
  return interruptible(args, new AbortController().signal)
}

export async function interruptible(args: string[], signal: AbortSignal): Promise<CommandResult> {
  const out = new Collected()
  const err = new Collected()
  const exitCode = await runCommand(args, { out, err, signal })
  return { exitCode, out: out.text, err: err.text }
}

/** Runs a command line as on a terminal where a person types an answer. */
export async function answered(answer: string, ...args: string[]): Promise<CommandResult> {
  const input = Object.assign(Readable.from([`${answer}\n`]), { isTTY: true })
  const out = new Collected()
  const err = new Collected()
  const { signal } = new AbortController()
  const exitCode = await runCommand(args, { in: input, out, err, signal })
  return { exitCode, out: out.text, err: err.text }
}

class Collected extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** What was written to a terminal of a size. */
export class Screen extends Collected {
  readonly isTTY = true
  readonly columns: number
  readonly rows: number

  constructor(columns: number, rows: number) {
    super()
    this.columns = columns
    this.rows = rows
  }
}

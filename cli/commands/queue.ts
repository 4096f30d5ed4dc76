import { Option, type Command } from 'commander'
import { isMillraceError } from '../../platform/ports/index.ts'
import type { Client } from '../client.ts'
import { connectAsOperator } from '../connect.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { oneLine, printJson, printLine, table } from '../terminal.ts'

interface DeadLetter {
  readonly messageId: string
  readonly sentAt: string
  readonly receiveCount: number
  readonly body?: unknown
}

interface Options {
  readonly replay?: string
  readonly remove?: string
  readonly json?: boolean
}

/** Characters of a message's body in the list. */
const shownBody = 60

/** Dead letters of one request: the most that the platform lists. */
const pageSize = 100

export function addQueue(program: Command, { terminal }: Run): void {
  const command = program
    .command('queue')
    .description('list the dead letters of the queue, send them again, or drop them')
    .addOption(
      new Option('--replay <id>', 'send this dead letter again, or "all" of them').conflicts(
        'remove',
      ),
    )
    .option('--remove <id>', 'drop this dead letter for good')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Trainings that someone asked for, and ends of executions, are messages on a queue. One that fails five
times is set aside as a dead letter, until it is sent again or dropped.

Examples:
  $ millrace queue
  $ millrace queue --replay all
  $ millrace queue --remove 4f7f0d0e-9a7e-4d15-8a8a-0d8dbb6c2b0f
  $ millrace queue --stack Millrace`,
    )
    .action(async ({ replay, remove, json }: Options) => {
      const client = await connectAsOperator(locationOf(command), ['queue'], terminal.signal)
      if (remove !== undefined) {
        const letter = await client.delete<DeadLetter>(pathOf(remove))
        if (json) return printJson(terminal.out, letter)
        return printLine(terminal.out, `Removed ${letter.messageId}`)
      }
      if (replay !== undefined) {
        const replayed =
          replay === 'all' ? await replayAll(client, terminal.signal) : [await send(client, replay)]
        if (json) return printJson(terminal.out, { replayed })
        const lines = replayed.map((id) => `Replayed ${id}`)
        return printLine(terminal.out, lines.join('\n') || 'No dead letters.')
      }
      const letters = await listed(client)
      if (json) return printJson(terminal.out, { deadLetters: letters })
      if (letters.length === 0) return printLine(terminal.out, 'No dead letters.')
      const rows = letters.map((one) => [
        one.messageId,
        one.sentAt,
        one.receiveCount,
        brief(one.body),
      ])
      printLine(terminal.out, table(['MESSAGE', 'SENT', 'TRIED', 'BODY'], rows))
      if (letters.length === pageSize) {
        printLine(terminal.err, `These are the first ${pageSize}; there may be more.`)
      }
    })
  addLocationOptions(command)
}

async function listed(client: Client): Promise<readonly DeadLetter[]> {
  const { deadLetters } = await client.get<{ deadLetters: readonly DeadLetter[] }>(
    '/queue/dead-letters',
    { limit: pageSize },
  )
  return deadLetters
}

/** Each once: one that fails meanwhile and comes back stays. Answers their ids. */
async function replayAll(client: Client, signal: AbortSignal): Promise<string[]> {
  const seen = new Set<string>()
  const replayed: string[] = []
  while (!signal.aborted) {
    const fresh = (await listed(client)).filter(({ messageId }) => !seen.has(messageId))
    if (fresh.length === 0) break
    for (const { messageId } of fresh) {
      seen.add(messageId)
      try {
        replayed.push(await send(client, messageId))
      } catch (error) {
        // Someone else was faster.
        if (!isMillraceError(error, 'MessageNotFound')) throw error
      }
    }
  }
  return replayed
}

async function send(client: Client, id: string): Promise<string> {
  const { messageId } = await client.post<{ messageId: string }>(`${pathOf(id)}/replay`, {})
  return messageId
}

function pathOf(id: string): string {
  return `/queue/dead-letters/${encodeURIComponent(id)}`
}

function brief(body: unknown): string {
  const text = oneLine(JSON.stringify(body) ?? '')
  return text.length > shownBody ? `${text.slice(0, shownBody)}…` : text
}

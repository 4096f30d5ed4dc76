import { invokeTask, type AnyTask } from '../../tasks/task.ts'
import type { Message, Ports } from '../ports/index.ts'

/** How long a message is hidden while it is worked on, and until it comes again after a failure. */
const visibilitySeconds = 30

/** How often the queue is looked at, in milliseconds: messages that others sent, or that are due again. */
const pollInterval = 100

/**
 * Has a task work on the messages of the queue, one run a message. One whose run fails comes again by
 * itself, until it is a dead letter. The answer stops it, and resolves when the message under way is
 * done.
 */
export function consumeQueue(task: AnyTask, ports: Ports): () => Promise<void> {
  const stopping = new AbortController()
  const ended = work(task, ports, stopping.signal)
  return async () => {
    stopping.abort()
    await ended
  }
}

async function work(task: AnyTask, ports: Ports, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const messages = await ports.queue.receive({ limit: 10, visibilitySeconds })
      for (const message of messages) await handle(task, message, ports, signal)
      if (messages.length > 0) continue
    } catch (error) {
      ports.logger.error('the queue could not be worked on', { error: String(error) })
    }
    await pause(pollInterval, signal)
  }
}

async function handle(
  task: AnyTask,
  message: Message,
  ports: Ports,
  signal: AbortSignal,
): Promise<void> {
  // It is still hidden, and comes again after the next start.
  if (signal.aborted) return
  try {
    await invokeTask(task, message.body, ports, { signal })
    await ports.queue.acknowledge(message)
  } catch (error) {
    const { messageId, receiveCount } = message
    const told = { messageId, receiveCount, error: String(error) }
    ports.logger.error('a message could not be handled and comes again', told)
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end)
  })
}

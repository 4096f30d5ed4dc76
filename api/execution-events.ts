import { setTimeout as delay } from 'node:timers/promises'
import type { Clock, ExecutionEvent, Executions, ExecutionStatus } from '../platform/ports/index.ts'

/** How events are looked for. */
export interface Looking {
  readonly executions: Executions
  readonly clock: Clock
  /** Milliseconds between two looks. */
  readonly pollInterval: number
}

export interface EventsAfter {
  readonly workflow: string
  readonly name: string
  /** Id of the last event already seen. */
  readonly after: number
  readonly limit: number
  /** Seconds to wait for a first event. */
  readonly wait: number
}

/** Events that came after one, as soon as there is any, the execution ends, or the wait is over. */
export async function nextEvents(
  { executions, clock, pollInterval }: Looking,
  { workflow, name, after, limit, wait }: EventsAfter,
  signal: AbortSignal,
): Promise<{ status: ExecutionStatus; events: ExecutionEvent[] }> {
  const until = clock.now() + wait * 1000
  for (;;) {
    // Read before the events: who sees an ended status has seen the last event too.
    const { status } = await executions.describe(workflow, name)
    const events = await executions.history(workflow, name, { after, limit })
    const isOver = clock.now() >= until || signal.aborted
    if (events.length > 0 || status !== 'RUNNING' || isOver) return { status, events }
    await delay(pollInterval)
  }
}

/** How long a live stream waits before it says that it is still there, in seconds. */
const heartbeatSeconds = 15

/**
 * The history as server-sent events, as the HTML standard has them, until the execution ends or the
 * reader goes. Where answers cannot go on, it has what there is by the end of `wait`.
 */
export function eventStream(
  looking: Looking,
  asked: EventsAfter,
  { signal, streams }: { signal: AbortSignal; streams: boolean },
): Response {
  const gone = new AbortController()
  const stopped = AbortSignal.any([signal, gone.signal])
  const pieces = piecesOf(looking, asked, streams, stopped)
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await pieces.next()
        if (done === true) controller.close()
        else controller.enqueue(encoder.encode(value))
      } catch (error) {
        controller.error(error)
      }
    },
    cancel: () => gone.abort(),
  })
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  })
}

async function* piecesOf(
  looking: Looking,
  asked: EventsAfter,
  streams: boolean,
  signal: AbortSignal,
): AsyncGenerator<string, undefined> {
  let { after } = asked
  const wait = streams ? heartbeatSeconds : asked.wait
  // A reader that lost the answer comes again soon, and from where it was.
  yield 'retry: 1000\n\n'
  while (!signal.aborted) {
    const { status, events } = await nextEvents(looking, { ...asked, after, wait }, signal)
    for (const event of events) {
      yield `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
    }
    after = events.at(-1)?.id ?? after
    if (status !== 'RUNNING' && events.length === 0) {
      yield `event: end\ndata: ${JSON.stringify({ status })}\n\n`
      return
    }
    if (!streams && (status === 'RUNNING' || events.length < asked.limit)) {
      if (status !== 'RUNNING') yield `event: end\ndata: ${JSON.stringify({ status })}\n\n`
      return
    }
    if (events.length === 0) yield ': still running\n\n'
  }
}

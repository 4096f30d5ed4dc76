import { GetExecutionHistoryCommand, type HistoryEvent, type SFNClient } from '@aws-sdk/client-sfn'
import type { ExecutionEvent } from '../ports/executions.ts'
import type { JsonObject } from '../ports/json.ts'
import { asked } from './errors.ts'

/** Most events that the service answers at once. */
const maxPage = 1000

export interface HistoryRequest {
  readonly client: SFNClient
  readonly executionArn: string
  readonly after: number
  readonly limit: number
}

/**
 * The events after one, in order. The service pages through a history by tokens alone: what comes after
 * an event that the caller has seen is read from the newest one backwards, which is one request for who
 * follows an execution.
 */
export async function historyEvents(request: HistoryRequest): Promise<ExecutionEvent[]> {
  const events = request.after === 0 ? await fromTheFirst(request) : await fromTheLast(request)
  return events.slice(0, request.limit).map(eventOf)
}

async function fromTheFirst(request: HistoryRequest): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  for await (const page of pagesOf(request, false, request.limit)) {
    events.push(...page)
    if (events.length >= request.limit) break
  }
  return events
}

async function fromTheLast(request: HistoryRequest): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = []
  for await (const page of pagesOf(request, true, maxPage)) {
    const fresh = page.filter(({ id }) => id! > request.after)
    events.push(...fresh)
    if (fresh.length < page.length) break
  }
  return events.reverse()
}

async function* pagesOf(
  { client, executionArn }: HistoryRequest,
  reverseOrder: boolean,
  maxResults: number,
): AsyncGenerator<HistoryEvent[], void> {
  let nextToken: string | undefined
  do {
    const command = new GetExecutionHistoryCommand({
      executionArn,
      reverseOrder,
      maxResults,
      nextToken,
    })
    const page = await asked(`reading the history of ${executionArn}`, client.send(command), {
      ExecutionDoesNotExist: 'ExecutionNotFound',
    })
    yield page.events ?? []
    nextToken = page.nextToken
  } while (nextToken !== undefined)
}

/** The one `…EventDetails` member of an event is its details. */
function eventOf(event: HistoryEvent): ExecutionEvent {
  const member = Object.entries(event).find(
    ([name, value]) => name.endsWith('EventDetails') && value !== undefined,
  )
  return {
    id: event.id!,
    previousEventId: event.previousEventId ?? 0,
    type: event.type!,
    timestamp: event.timestamp!.toISOString(),
    details: (member?.[1] ?? {}) as JsonObject,
  }
}

import { ListExecutionsCommand, type SFNClient } from '@aws-sdk/client-sfn'
import * as z from 'zod'
import { MillraceError } from '../ports/errors.ts'
import type { ExecutionStatus, ExecutionSummary } from '../ports/executions.ts'
import type { Json } from '../ports/json.ts'
import { decodeCursor, encodeCursor } from '../ports/page.ts'
import { asked } from './errors.ts'
import { summaryOf } from './executions-summary.ts'

/** What a request to the service asks for, whatever a page of ours holds: its tokens are bound to it. */
const pageSize = 100

/** How many of its pages are searched for the execution that the page before ended with. */
const maxSearched = 10

export interface ListRequest {
  readonly client: SFNClient
  /** ARNs by workflow: those to list. */
  readonly machines: Readonly<Record<string, string>>
  readonly status: ExecutionStatus | undefined
  readonly cursor: string | undefined
  readonly limit: number
  readonly scope: readonly Json[]
}

/**
 * One page of executions. The service lists one state machine at a time, the newest first; the lists of
 * several are merged by the time of their starts, and the cursor holds where each of them stands.
 */
export async function listPage(
  request: ListRequest,
): Promise<{ executions: ExecutionSummary[]; cursor?: string }> {
  const lists = openLists(request)
  await Promise.all(lists.map((list) => list.load()))
  const executions: ExecutionSummary[] = []
  while (executions.length < request.limit) {
    const newest = newestOf(lists)
    if (newest === undefined) break
    executions.push(newest.take())
    await newest.load()
  }
  const positions = lists.flatMap((list) => (list.head === undefined ? [] : [list.position]))
  if (positions.length === 0) return { executions }
  return { executions, cursor: encodeCursor(request.scope, JSON.stringify(positions)) }
}

/** A workflow, the token of the service's page, and name and start of what was taken from it last. */
const takenSchema = z.tuple([z.string(), z.string()])
const positionsSchema = z.array(
  z.tuple([z.string(), z.string().nullable(), takenSchema.nullable()]),
)
type Position = z.infer<typeof positionsSchema>[number]

/** The executions of one state machine as they are read, page by page. */
class ExecutionList {
  readonly #request: ListRequest
  readonly #workflow: string
  /** Of the page that `#rest` is left of; null for the first one. */
  #token: string | null
  /** The last execution taken from that page; null when none was. */
  #taken: Position[2]
  #rest: ExecutionSummary[] = []
  #nextToken: string | null
  #isLoaded = false

  constructor(request: ListRequest, [workflow, token, taken]: Position) {
    this.#request = request
    this.#workflow = workflow
    this.#token = token
    this.#taken = taken
    this.#nextToken = token
  }

  get head(): ExecutionSummary | undefined {
    return this.#rest[0]
  }

  get position(): Position {
    return [this.#workflow, this.#token, this.#taken]
  }

  take(): ExecutionSummary {
    const head = this.#rest.shift()!
    this.#taken = [head.name, head.startDate]
    return head
  }

  /** Makes `head` the next execution, unless there is none. */
  async load(): Promise<void> {
    if (!this.#isLoaded) await this.#loadFirst()
    while (this.#rest.length === 0 && this.#nextToken !== null) await this.#loadNext()
  }

  /**
   * What was started since pushes down the executions of a first page: the one that was taken last may
   * be on a later page by now. It may also be gone, when it no longer has the status that is asked for:
   * then the list goes on with what started no later.
   */
  async #loadFirst(): Promise<void> {
    this.#isLoaded = true
    const taken = this.#taken
    await this.#loadNext()
    if (taken === null) return
    for (let page = 1; ; page++) {
      const rest = restAfter(this.#rest, taken)
      const isOver = rest === undefined && this.#nextToken === null
      if (rest !== undefined || isOver) {
        this.#rest = rest ?? []
        this.#taken = taken
        return
      }
      if (page === maxSearched) throw lostCursor()
      await this.#loadNext()
    }
  }

  async #loadNext(): Promise<void> {
    const { client, machines, status } = this.#request
    const command = new ListExecutionsCommand({
      stateMachineArn: machines[this.#workflow],
      statusFilter: status,
      maxResults: pageSize,
      nextToken: this.#nextToken ?? undefined,
    })
    const page = await asked(`listing executions of ${this.#workflow}`, client.send(command), {
      InvalidToken: 'CursorInvalid',
      StateMachineDoesNotExist: 'WorkflowNotFound',
    })
    this.#token = this.#nextToken
    this.#taken = null
    this.#rest = (page.executions ?? []).map((one) => summaryOf(this.#workflow, one))
    this.#nextToken = page.nextToken ?? null
  }
}

/** What follows the execution on its page; undefined when its place is not there. */
function restAfter(
  page: readonly ExecutionSummary[],
  [name, startDate]: NonNullable<Position[2]>,
): ExecutionSummary[] | undefined {
  const place = page.findIndex((one) => one.name === name)
  if (place >= 0) return page.slice(place + 1)
  const earlier = page.findIndex((one) => one.startDate <= startDate)
  return earlier >= 0 ? page.slice(earlier) : undefined
}

function openLists(request: ListRequest): ExecutionList[] {
  return positionsOf(request).map((position) => new ExecutionList(request, position))
}

function positionsOf({ machines, cursor, scope }: ListRequest): Position[] {
  if (cursor === undefined) return Object.keys(machines).map((workflow) => [workflow, null, null])
  const { success, data } = positionsSchema.safeParse(parsed(decodeCursor(scope, cursor)))
  const workflows = new Set(data?.map(([workflow]) => workflow))
  const isOfThese = [...workflows].every((workflow) => Object.hasOwn(machines, workflow))
  if (success && isOfThese && workflows.size === data.length) return data
  throw lostCursor()
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Each list has its newest first; among equal times the order of the workflows decides. */
function newestOf(lists: readonly ExecutionList[]): ExecutionList | undefined {
  return lists
    .filter(({ head }) => head !== undefined)
    .reduce<ExecutionList | undefined>(
      (best, list) =>
        best === undefined || list.head!.startDate > best.head!.startDate ? list : best,
      undefined,
    )
}

function lostCursor(): MillraceError {
  return new MillraceError(
    'CursorInvalid',
    'the cursor is too old, or not one that this list gave: start again without it',
  )
}

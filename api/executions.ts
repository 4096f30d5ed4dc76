import * as z from 'zod'
import {
  isMillraceError,
  MillraceError,
  type Execution,
  type ExecutionSummary,
} from '../platform/ports/index.ts'
import { sees, type Caller } from '../tasks/caller.ts'
import { executionsOf, ownerOfExecution, type ListedExecution } from '../tasks/execution-owner.ts'
import { eventStream, nextEvents, type Looking } from './execution-events.ts'
import { largestCount, pageQuery, parsed } from './requests.ts'
import { answers, type Routes } from './route.ts'
import type { Services } from './services.ts'

const executionName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,80}$/, 'a name is 1 to 80 letters, digits, "_" or "-"')

const status = z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'])

const listQuery = pageQuery.extend({
  workflow: executionName.optional(),
  status: status.optional().describe('a page of one user may then have fewer than `limit`'),
})

const oneQuery = z.object({ workflow: executionName.default('training') })

const eventsQuery = oneQuery.extend({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(largestCount)
    .default(0)
    .describe('id of the last event already seen'),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
  wait: z.coerce.number().min(0).max(20).default(0).describe('seconds to wait for a first event'),
})

const params = z.object({ name: executionName })

const summary = z.object({
  workflow: z.string(),
  name: z.string(),
  status,
  startDate: z.string(),
  stopDate: z.string().optional(),
  redriveCount: z.number().int(),
})

const execution = summary.extend({
  input: z.unknown(),
  output: z.unknown().optional(),
  error: z.string().optional(),
  cause: z.string().optional(),
})

const historyEvent = z.object({
  id: z.number().int(),
  previousEventId: z.number().int(),
  type: z.string(),
  timestamp: z.string(),
  details: z.record(z.string(), z.unknown()),
})

export interface ExecutionRoutesOptions {
  /** Milliseconds between two looks for events. */
  readonly pollInterval: number
  /** Whether an answer can go on while events come; else a stream is ended for its reader to ask again. */
  readonly streams: boolean
}

/** Executions and their histories. */
export function executionRoutes(
  routes: Routes,
  { ports: { executions, clock, table } }: Services,
  { pollInterval, streams }: ExecutionRoutesOptions,
): void {
  const looking: Looking = { executions, clock, pollInterval }

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/executions',
      summary: 'Executions, the newest first',
      request: { query: listQuery },
      responses: answers(
        'executions',
        z.object({ executions: z.array(summary), cursor: z.string().optional() }),
      ),
    },
    async (context, { user }) => {
      const query = parsed(listQuery, context.req.query())
      return context.json(user === null ? await executions.list(query) : await listOf(user, query))
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/executions/{name}',
      summary: 'One execution with its input and output',
      request: { params, query: oneQuery },
      responses: answers('the execution', execution),
    },
    async (context, caller) => {
      const { name } = parsed(params, context.req.param())
      const { workflow } = parsed(oneQuery, context.req.query())
      return context.json({ ...(await described(caller, workflow, name)) })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/executions/{name}/events',
      summary: 'The history after an event, waiting for the next one on request, or as a stream',
      description:
        'With `Accept: text/event-stream`, server-sent events: `id` is that of the history, a last one ' +
        'is named `end` and has the status. A gateway that cannot stream ends it early: EventSource ' +
        'asks again by itself, from `Last-Event-ID`.',
      request: { params, query: eventsQuery },
      responses: {
        200: {
          description: 'events and the status they lead to',
          content: {
            'application/json': {
              schema: z.object({ status, events: z.array(historyEvent) }),
            },
            'text/event-stream': { schema: z.string() },
          },
        },
      },
    },
    async (context, caller) => {
      const { name } = parsed(params, context.req.param())
      const query = parsed(eventsQuery, context.req.query())
      await described(caller, query.workflow, name)
      const { signal } = context.req.raw
      if (!/\btext\/event-stream\b/.test(context.req.header('accept') ?? '')) {
        return context.json(await nextEvents(looking, { name, ...query }, signal))
      }
      const seen = Number(context.req.header('last-event-id') ?? query.after)
      const after = Number.isSafeInteger(seen) && seen >= 0 ? seen : query.after
      return eventStream(looking, { name, ...query, after }, { signal, streams })
    },
  )

  for (const action of ['stop', 'redrive'] as const) {
    routes.add(
      {
        access: 'train',
        method: 'post',
        path: `/executions/{name}/${action}`,
        summary: action === 'stop' ? 'Stop a running execution' : 'Go on at the state that failed',
        request: { params, query: oneQuery },
        responses: answers('the execution', execution),
      },
      async (context, caller) => {
        const { name } = parsed(params, context.req.param())
        const { workflow } = parsed(oneQuery, context.req.query())
        await described(caller, workflow, name)
        await executions[action](workflow, name)
        return context.json({ ...(await executions.describe(workflow, name)) })
      },
    )
  }

  /** Throws ExecutionNotFound, also for what is another user's. */
  async function described(caller: Caller, workflow: string, name: string): Promise<Execution> {
    const found = await executions.describe(workflow, name).catch((error: unknown) => {
      const isHidden = caller.user !== null && isMillraceError(error, 'WorkflowNotFound')
      throw isHidden || isMillraceError(error, 'ExecutionNotFound')
        ? notFound(workflow, name)
        : error
    })
    if (caller.user === null) return found
    const owner = ownerOfExecution(found.input)
    if (owner === undefined || !sees(caller, owner)) throw notFound(workflow, name)
    return found
  }

  async function listOf(user: string, query: z.infer<typeof listQuery>) {
    const page = await executionsOf(table, user, query)
    const listed = page.executions.filter(
      ({ workflow }) => query.workflow === undefined || workflow === query.workflow,
    )
    const newest = query.cursor === undefined ? await newestOf(listed) : noneKnown
    const found = await Promise.all(
      listed.map(async (one) => newest.get(one.workflow)?.get(one.name) ?? summaryOf(one)),
    )
    const asked = found.filter(
      (one) => one !== undefined && (query.status === undefined || one.status === query.status),
    )
    return { ...page, executions: asked }
  }

  /**
   * The newest executions of the workflows of a page, of all users: on a platform with few of them one
   * request tells of the whole page, where otherwise each execution takes one.
   */
  async function newestOf(listed: readonly ListedExecution[]): Promise<KnownExecutions> {
    const counts = Map.groupBy(listed, ({ workflow }) => workflow)
    const worthwhile = [...counts].filter(([, { length }]) => length > 1)
    return new Map(
      await Promise.all(
        worthwhile.map(async ([workflow]) => {
          const { executions: newest } = await executions.list({ workflow, limit: 100 })
          return [workflow, new Map(newest.map((one) => [one.name, one]))] as const
        }),
      ),
    )
  }

  /** Undefined for one that is not started yet, or forgotten. */
  async function summaryOf({
    workflow,
    name,
  }: ListedExecution): Promise<ExecutionSummary | undefined> {
    try {
      const { startDate, stopDate, redriveCount, ...one } = await executions.describe(
        workflow,
        name,
      )
      const ended = stopDate === undefined ? {} : { stopDate }
      return { workflow, name, status: one.status, startDate, ...ended, redriveCount }
    } catch (error) {
      if (isMillraceError(error, 'ExecutionNotFound')) return undefined
      throw error
    }
  }
}

/** Summaries by workflow and name. */
type KnownExecutions = ReadonlyMap<string, ReadonlyMap<string, ExecutionSummary>>

const noneKnown: KnownExecutions = new Map()

function notFound(workflow: string, name: string): MillraceError {
  return new MillraceError(
    'ExecutionNotFound',
    `there is no execution ${name} of the workflow ${workflow}`,
  )
}

import * as z from 'zod'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ports } from '../platform/ports/index.ts'
import { pageQuery, parsed } from './requests.ts'
import { answers, type Routes } from './route.ts'

const executionName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,80}$/, 'a name is 1 to 80 letters, digits, "_" or "-"')

const status = z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'])

const workflow = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,80}$/, 'a name is 1 to 80 letters, digits, "_" or "-"')

const listQuery = pageQuery.extend({ workflow: workflow.optional(), status: status.optional() })

const oneQuery = z.object({ workflow: workflow.default('training') })

const eventsQuery = oneQuery.extend({
  after: z.coerce.number().int().min(0).default(0).describe('id of the last event already seen'),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
  wait: z.coerce.number().min(0).max(20).default(0).describe('seconds to wait for a first event'),
})

const params = z.object({ name: executionName })

const execution = z.looseObject({ workflow: z.string(), name: z.string(), status })

/** Executions and their histories. */
export function executionRoutes(
  routes: Routes,
  { executions, clock }: Ports,
  { pollInterval }: { pollInterval: number },
): void {
  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/executions',
      summary: 'Executions, the newest first',
      request: { query: listQuery },
      responses: answers(
        'executions',
        z.object({ executions: z.array(execution), cursor: z.string().optional() }),
      ),
    },
    async (context) => context.json(await executions.list(parsed(listQuery, context.req.query()))),
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
    async (context) => {
      const { name } = parsed(params, context.req.param())
      const query = parsed(oneQuery, context.req.query())
      return context.json({ ...(await executions.describe(query.workflow, name)) })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/executions/{name}/events',
      summary: 'The history after an event, waiting for the next one on request',
      request: { params, query: eventsQuery },
      responses: answers(
        'events and the status they lead to',
        z.object({ status, events: z.array(z.looseObject({ id: z.number(), type: z.string() })) }),
      ),
    },
    async (context) => {
      const { name } = parsed(params, context.req.param())
      const { workflow, after, limit, wait } = parsed(eventsQuery, context.req.query())
      const until = clock.now() + wait * 1000
      for (;;) {
        // Read before the events: who sees an ended status has seen the last event too.
        const { status } = await executions.describe(workflow, name)
        const events = await executions.history(workflow, name, { after, limit })
        const isOver = clock.now() >= until || context.req.raw.signal.aborted
        if (events.length > 0 || status !== 'RUNNING' || isOver) {
          return context.json({ status, events: events.map((event) => ({ ...event })) })
        }
        await delay(pollInterval)
      }
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
      async (context) => {
        const { name } = parsed(params, context.req.param())
        const { workflow } = parsed(oneQuery, context.req.query())
        await executions[action](workflow, name)
        return context.json({ ...(await executions.describe(workflow, name)) })
      },
    )
  }
}

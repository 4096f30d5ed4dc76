import * as z from 'zod'
import { MillraceError, type Message } from '../platform/ports/index.ts'
import { parsed } from './requests.ts'
import { answers, type Routes } from './route.ts'
import type { Services } from './services.ts'

const listQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(50)
    .describe('the ones behind them show once these are replayed or removed'),
})

const params = z.object({
  id: z
    .string()
    .regex(/^[\w-]{1,128}$/, 'an id is 1 to 128 letters, digits, "_" or "-"')
    .describe('the `messageId` of a dead letter'),
})

const deadLetter = z.object({
  messageId: z.string(),
  sentAt: z.string(),
  receiveCount: z.number().int().describe('how often it was tried'),
  body: z.unknown().describe('what was asked for'),
})

const replayed = z.object({ messageId: z.string().describe('of the dead letter that it was') })

/** What the queue gave up on, for the operator to send again or to drop. */
export function queueRoutes(routes: Routes, { ports: { queue } }: Services): void {
  routes.add(
    {
      access: 'operate',
      method: 'get',
      path: '/queue/dead-letters',
      summary: 'Messages of the queue that failed as often as one may',
      request: { query: listQuery },
      responses: answers('dead letters', z.object({ deadLetters: z.array(deadLetter) })),
    },
    async (context) => {
      const letters = await queue.deadLetters(parsed(listQuery, context.req.query()))
      return context.json({ deadLetters: letters.map(shown) })
    },
  )

  routes.add(
    {
      access: 'operate',
      method: 'post',
      path: '/queue/dead-letters/{id}/replay',
      summary: 'Send a dead letter again, with all its attempts before it',
      request: { params },
      responses: answers('it is on the queue again', replayed),
    },
    async (context) => {
      const { id } = parsed(params, context.req.param())
      if (!(await queue.replay(id))) throw notFound(id)
      return context.json({ messageId: id } satisfies z.infer<typeof replayed>)
    },
  )

  routes.add(
    {
      access: 'operate',
      method: 'delete',
      path: '/queue/dead-letters/{id}',
      summary: 'Drop a dead letter for good',
      request: { params },
      responses: answers('the dead letter that was dropped', deadLetter),
    },
    async (context) => {
      const { id } = parsed(params, context.req.param())
      const dropped = await queue.drop(id)
      if (dropped === undefined) throw notFound(id)
      return context.json(shown(dropped))
    },
  )
}

/** Without the receipt, which is the platform's own. */
function shown({ messageId, sentAt, receiveCount, body }: Message) {
  return { messageId, sentAt, receiveCount, body } satisfies z.infer<typeof deadLetter>
}

function notFound(id: string): MillraceError {
  return new MillraceError('MessageNotFound', `there is no dead letter ${id}`)
}

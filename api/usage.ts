import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { sees } from '../tasks/caller.ts'
import { defaultUser, nameSchema } from '../tasks/names.ts'
import { planOfUser, planSchema } from '../tasks/plans.ts'
import { monthOf, storedBytes, usageOf } from '../tasks/usage.ts'
import { pageQuery, parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const usageQuery = z.object({
  user: nameSchema.optional().describe('for the operator: whose; default: the default user'),
  month: z
    .string()
    .regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'a month is like 2026-01')
    .optional()
    .describe('of UTC; default: the present one'),
})

const money = z.number().describe('in the currency of the plan')

const usageShape = z.object({
  user: z.string(),
  month: z.string(),
  plan: z.string(),
  usage: z.object({
    predictions: z.number().int().describe('rows, those of batches among them'),
    batchRows: z.number().int().describe('those of batches'),
    predictionRequests: z.number().int(),
    feedback: z.number().int().describe('rows'),
    trainings: z.number().int(),
    trainedRows: z.number().int(),
    storedBytes: z
      .number()
      .int()
      .nullable()
      .describe('of datasets, models, inputs and results of batches, now; null of another month'),
  }),
  limits: planSchema.pick({ monthly: true, storedBytes: true }),
  cost: z.object({
    currency: z.string(),
    predictions: money,
    training: money,
    storage: money.nullable().describe('of what is kept now; null of another month'),
    total: money.describe('of what is known: of another month without storage'),
  }),
})

const planParams = z.object({ plan: nameSchema })
const namedPlan = planSchema.extend({ name: z.string() })

/** What users had, what it costs, and what their plans let them have. */
export function usageRoutes(
  routes: Routes,
  { accounts, plans, ports: { table, clock, objects } }: Services,
): void {
  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/usage',
      summary: 'What was used in a month, and what it costs',
      request: { query: usageQuery },
      responses: answers('usage, priced', usageShape),
    },
    async (context, caller) => {
      const query = parsed(usageQuery, context.req.query())
      const user = query.user ?? caller.user ?? defaultUser
      if (!sees(caller, user)) throw new MillraceError('UserNotFound', `there is no user ${user}`)
      const present = monthOf(clock.now())
      const { month = present } = query
      const [plan, counted, bytes] = await Promise.all([
        planOfUser({ accounts, plans }, user),
        usageOf(table, user, month),
        // What was kept in another month is on no record.
        month === present ? storedBytes(objects, user) : null,
      ])
      const { prices, monthly } = plan
      const predictions = (counted.predictions * prices.perThousandPredictions) / 1000
      const training = (counted.trainedRows * prices.perMillionTrainedRows) / 1e6
      const storage = bytes === null ? null : (bytes * prices.perGigabyteMonth) / 1e9
      return context.json({
        user,
        month,
        plan: plan.name,
        usage: { ...counted, storedBytes: bytes },
        limits: { monthly, storedBytes: plan.storedBytes },
        cost: {
          currency: prices.currency,
          predictions,
          training,
          storage,
          total: predictions + training + (storage ?? 0),
        },
      })
    },
  )

  routes.add(
    {
      access: 'operate',
      method: 'get',
      path: '/plans',
      summary: 'Plans, in order of their names',
      request: { query: pageQuery },
      responses: answers(
        'a page of plans',
        z.object({ plans: z.array(namedPlan), cursor: z.string().optional() }),
      ),
    },
    async (context) => context.json(await plans.plans(parsed(pageQuery, context.req.query()))),
  )

  routes.add(
    {
      access: 'operate',
      method: 'put',
      path: '/plans/{plan}',
      summary: 'Make a plan, or change it for its users from now on',
      request: { params: planParams, body: takes(planSchema) },
      responses: answers('the plan', namedPlan),
    },
    async (context) => {
      const { plan: name } = parsed(planParams, context.req.param())
      const plan = parsed(planSchema, await readJson(context.req.raw))
      await plans.setPlan(name, plan)
      return context.json({ name, ...plan })
    },
  )
}

import * as z from 'zod'
import {
  isMillraceError,
  MillraceError,
  type Item,
  type PageOptions,
  type Table,
} from '../platform/ports/index.ts'
import type { Accounts } from './accounts.ts'
import { nameSchema } from './names.ts'

const most = 1e15
const count = z.number().int().min(0).max(most).nullable().describe('null: as many as one likes')
const price = z.number().min(0).max(1e9)

/** What users of a plan may do, and what it costs them. */
export const planSchema = z.strictObject({
  requestsPerSecond: z
    .number()
    .min(0.01)
    .max(1e6)
    .nullable()
    .describe('on the average; null: as many as one likes'),
  burst: z.number().int().min(1).max(1e6).default(100).describe('requests at once, after a rest'),
  monthly: z.strictObject({
    predictions: count.default(null).describe('rows predicted in a calendar month of UTC'),
    trainedRows: count.default(null).describe('rows of the datasets that were trained on'),
  }),
  storedBytes: count.default(null).describe('of datasets and models, at any time'),
  prices: z.strictObject({
    currency: z.string().regex(/^[A-Z]{3}$/),
    perThousandPredictions: price,
    perMillionTrainedRows: price,
    perGigabyteMonth: price.describe('of what is kept when it is asked for, for a whole month'),
  }),
})
export type Plan = z.infer<typeof planSchema>

/** The plan of a user for whom none was named. */
export const defaultPlan = 'default'

/** What holds until the operator says otherwise: no limits, and nothing to pay. */
export const freePlan: Plan = {
  requestsPerSecond: null,
  burst: 100,
  monthly: { predictions: null, trainedRows: null },
  storedBytes: null,
  prices: {
    currency: 'USD',
    perThousandPredictions: 0,
    perMillionTrainedRows: 0,
    perGigabyteMonth: 0,
  },
}

export interface Plans {
  /** Throws PlanNotFound. The plan `default` is always there. */
  plan(name: string): Promise<Plan>
  /** Makes a plan, or changes it: for its users from now on. Throws NameInvalid. */
  setPlan(name: string, plan: Plan): Promise<void>
  /** In order of their names. */
  plans(page?: PageOptions): Promise<{ plans: (Plan & { name: string })[]; cursor?: string }>
}

export function createPlans(table: Table): Plans {
  return {
    async plan(name) {
      const item = await table.get(partition, name)
      if (item !== undefined) return planOf(item)
      if (name === defaultPlan) return freePlan
      throw new MillraceError('PlanNotFound', `there is no plan ${name}`)
    },

    async setPlan(name, plan) {
      const checked = nameSchema.safeParse(name)
      if (!checked.success) {
        throw new MillraceError('NameInvalid', `plan: ${checked.error.issues[0]!.message}`)
      }
      await table.put({ pk: partition, sk: name, plan: plan })
    },

    async plans({ cursor, limit = 50 } = {}) {
      const page = await table.query(partition, { cursor, limit })
      const plans = page.items.map((item) => ({ name: item.sk, ...planOf(item) }))
      return { plans, cursor: page.cursor }
    },
  }
}

/** What is known of the one whom requests cost. */
export interface PlanOfUser extends Plan {
  readonly name: string
  /** Whether the user was removed. */
  readonly isOfRemoved: boolean
}

/**
 * The plan of a user; of one whom a gateway knows and the table does not, the default plan. Throws
 * PlanNotFound.
 */
export async function planOfUser(
  { accounts, plans }: { accounts: Pick<Accounts, 'user'>; plans: Pick<Plans, 'plan'> },
  user: string,
): Promise<PlanOfUser> {
  const { plan: name, disabledAt } = await accounts.user(user).catch((error: unknown) => {
    if (isMillraceError(error, 'UserNotFound')) return { plan: defaultPlan, disabledAt: null }
    throw error
  })
  return { ...(await plans.plan(name)), name, isOfRemoved: disabledAt !== null }
}

const partition = 'plans'

function planOf(item: Item): Plan {
  return item['plan'] as unknown as Plan
}

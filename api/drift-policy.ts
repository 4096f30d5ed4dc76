import * as z from 'zod'
import { createDriftPolicies, driftPolicy, type KeptPolicy } from '../tasks/drift-policy.ts'
import { formatModel, modelNameSchema, type ModelName } from '../tasks/names.ts'
import { requireHead } from '../tasks/registry.ts'
import { createRetrainingDecisions, retrainingSteps } from '../tasks/retraining-decisions.ts'
import { pageQuery, parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const revisionHeader = z.object({
  'if-match': z
    .string()
    .regex(/^"\d{1,15}"$/, 'If-Match is the ETag of the policy: its revision in quotes')
    .describe('the ETag of the policy as it was seen'),
})

const policyShape = z.object({
  model: z.string(),
  policy: driftPolicy,
  revision: z.number().int().describe('grows with every change; 0 while the defaults hold'),
})

const decisionsPage = z.object({
  decisions: z.array(
    z.object({
      at: z.string(),
      execution: z.string().describe('of the workflow `retraining`'),
      detection: z.string(),
      step: z.enum(retrainingSteps),
      outcome: z.string(),
      reason: z.string(),
      numbers: z.record(z.string(), z.number()).describe('what it was decided on'),
    }),
  ),
  cursor: z.string().optional().describe('where the next page begins; absent after the last'),
})

/** What the loop that retrains a model may do, and what it has decided. */
export function driftPolicyRoutes(
  routes: Routes,
  { registry, ports: { table, clock } }: Pick<Services, 'registry' | 'ports'>,
): void {
  const policies = createDriftPolicies(table)
  const decisions = createRetrainingDecisions(table, clock)
  const path = '/models/{user}/{dataset}/drift/policy'

  routes.add(
    {
      access: 'read',
      method: 'get',
      path,
      summary: 'What drift of a model may bring about; the ETag is its revision',
      request: { params: modelNameSchema },
      responses: answers('the policy', policyShape),
    },
    async (context) => {
      const model = await presentModel(context.req.param())
      const kept = await policies.of(model)
      return context.json(toldOf(model, kept), 200, { etag: `"${kept.revision}"` })
    },
  )

  routes.add(
    {
      access: 'train',
      method: 'put',
      path,
      summary: 'Set it, if it is as it was seen: what is not given is the default',
      request: { params: modelNameSchema, headers: revisionHeader, body: takes(driftPolicy) },
      responses: answers('the policy', policyShape),
    },
    async (context) => {
      const model = await presentModel(context.req.param())
      const headers = parsed(revisionHeader, { 'if-match': context.req.header('if-match') })
      const policy = parsed(driftPolicy, await readJson(context.req.raw))
      const kept = await policies.set(model, policy, Number(headers['if-match'].slice(1, -1)))
      return context.json(toldOf(model, kept), 200, { etag: `"${kept.revision}"` })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/drift/decisions',
      summary: 'What retrainings of a model decided and on what numbers, the newest first',
      request: { params: modelNameSchema, query: pageQuery },
      responses: answers('a page of decisions', decisionsPage),
    },
    async (context) => {
      const model = await presentModel(context.req.param())
      const page = parsed(pageQuery, context.req.query())
      return context.json(await decisions.list(model, page))
    },
  )

  /** Throws ModelNotFound, ModelDeleted. */
  async function presentModel(params: unknown): Promise<ModelName> {
    const model = parsed(modelNameSchema, params)
    await requireHead(registry, model)
    return model
  }
}

function toldOf(model: ModelName, { policy, revision }: KeptPolicy): z.infer<typeof policyShape> {
  return { model: formatModel(model), policy, revision }
}

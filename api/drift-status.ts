import * as z from 'zod'
import { servingDrift } from '../events/index.ts'
import { createDriftReader, driftStatus, driftStatusOptions } from '../tasks/drift-status.ts'
import { modelNameSchema } from '../tasks/names.ts'
import { pageQuery, parsed, versionText } from './requests.ts'
import { answers, type Routes } from './route.ts'
import type { Services } from './services.ts'

const statusQuery = z.object({
  version: versionText.optional().describe('default: the champion'),
  blocks: z.coerce
    .number()
    .int()
    .min(0)
    .max(driftStatusOptions.blocks.most)
    .default(driftStatusOptions.blocks.usual)
    .describe('of each stream at most, the latest'),
})

const detectionsPage = z.object({
  detections: z.array(servingDrift),
  cursor: z.string().optional().describe('where the next page begins; absent after the last'),
})

/** How what models serve compares with what they know, and what was detected in it. */
export function driftStatusRoutes(
  routes: Routes,
  { registry, ports: { table } }: Pick<Services, 'registry' | 'ports'>,
): void {
  const drift = createDriftReader(table, registry)

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/drift',
      summary: 'How what a version serves compares with what it knows: its streams, labels, metric',
      request: { params: modelNameSchema, query: statusQuery },
      responses: answers('the state of the monitor', driftStatus),
    },
    async (context) => {
      const model = parsed(modelNameSchema, context.req.param())
      return context.json(await drift.status(model, parsed(statusQuery, context.req.query())))
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/drift/detections',
      summary: 'Changes that were detected in what a model serves, the newest first',
      request: { params: modelNameSchema, query: pageQuery },
      responses: answers('a page of detections', detectionsPage),
    },
    async (context) => {
      const model = parsed(modelNameSchema, context.req.param())
      return context.json(await drift.detections(model, parsed(pageQuery, context.req.query())))
    },
  )
}

import * as z from 'zod'
import { createDriftReader, driftStatusOptions } from '../tasks/drift-status.ts'
import { modelNameSchema } from '../tasks/names.ts'
import { requireVersion } from '../tasks/registry.ts'
import { makeDriftReport } from '../tasks/reporting/make-drift-report.ts'
import { reportKind } from '../tasks/reporting/report-about.ts'
import { readReport } from '../tasks/reporting/stored-reports.ts'
import { parsed, versionText } from './requests.ts'
import type { Routes } from './route.ts'
import type { Services } from './services.ts'

const reportParams = modelNameSchema.extend({ version: versionText, kind: reportKind })

const driftQuery = z.object({
  version: versionText.optional().describe('default: the champion'),
})

/** Pages for people, which load nothing and run nothing. */
export function reportRoutes(
  routes: Routes,
  { registry, ports }: Pick<Services, 'registry' | 'ports'>,
): void {
  const drift = createDriftReader(ports.table, registry)

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/versions/{version}/reports/{kind}',
      summary: 'A page about the dataset or the evaluation of a version, as its training wrote it',
      request: { params: reportParams },
      responses: pages('the page; 404 where the training could not write one'),
    },
    async (context) => {
      const { version, kind, ...model } = parsed(reportParams, context.req.param())
      const found = await requireVersion(registry, model, version)
      return context.body(await readReport(ports.objects, model, found, kind), 200, pageHeaders)
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/drift/report',
      summary: 'A page about what a version serves beside what it knows, as it is now',
      request: { params: modelNameSchema, query: driftQuery },
      responses: pages('the page'),
    },
    async (context) => {
      const model = parsed(modelNameSchema, context.req.param())
      const { version } = parsed(driftQuery, context.req.query())
      const status = await drift.status(model, { version, blocks: driftStatusOptions.blocks.most })
      const { detections } = await drift.detections(model, { limit: 100 })
      const ofVersion = detections.filter((one) => one.version === status.version)
      const page = await ports.compute.run(makeDriftReport, { status, detections: ofVersion })
      return context.body(page, 200, pageHeaders)
    },
  )
}

/** Were there a way for text from outside to become HTML, it could still load and run nothing. */
const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'private, no-cache',
}

function pages(description: string) {
  return { 200: { description, content: { 'text/html': { schema: z.string() } } } }
}

import * as z from 'zod'
import { gateScore } from '../tasks/gate.ts'
import { formatModel, type ModelName } from '../tasks/names.ts'
import type { ModelVersion, Registry } from '../tasks/registry.ts'
import { modelParams, pageQuery, parsed, versionText } from './requests.ts'
import { answers, type Routes } from './route.ts'

const summary = z.object({
  model: z.string(),
  champion: z.number().int().nullable(),
  task: z.enum(['classification', 'regression', 'clustering']).nullable(),
  algorithm: z.string().nullable(),
  metric: z.enum(['accuracy', 'rmse', 'silhouette']).nullable(),
  score: z.number().nullable().describe('that metric on held-out rows; less is better of rmse'),
  trainedAt: z.string().nullable(),
})

const versionShape = z.looseObject({ model: z.string(), version: z.number().int() })

const versionParams = modelParams.extend({ version: versionText })

/** What the registry holds. */
export function modelRoutes(routes: Routes, registry: Registry): void {
  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models',
      summary: 'All models with their champions',
      request: { query: pageQuery },
      responses: answers(
        'models',
        z.object({ models: z.array(summary), cursor: z.string().optional() }),
      ),
    },
    async (context) => {
      const { models, cursor } = await registry.models(parsed(pageQuery, context.req.query()))
      return context.json({ models: await Promise.all(models.map(summarise)), cursor })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}',
      summary: 'One model: its aliases and its latest versions',
      request: { params: modelParams, query: pageQuery },
      responses: answers('the model', z.looseObject({ model: z.string() })),
    },
    async (context) => {
      const name = parsed(modelParams, context.req.param())
      const page = await registry.versions(name, parsed(pageQuery, context.req.query()))
      // The first version of every model is 0: without any there is no such model.
      if (page.versions.length === 0) await registry.version(name, 0)
      const aliases = await registry.aliases(name)
      return context.json({
        model: formatModel(name),
        aliases: Object.fromEntries(aliases.map(({ alias, ...rest }) => [alias, rest])),
        versions: page.versions.map(brief),
        cursor: page.cursor,
      })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/versions/{version}',
      summary: 'One version: metrics, lineage, the gate and drift',
      request: { params: versionParams },
      responses: answers('the version', versionShape),
    },
    async (context) => {
      const { version, ...name } = parsed(versionParams, context.req.param())
      const found = await registry.version(name, version)
      const [decision, drift] = await Promise.all([
        registry.annotation(name, version, 'decision'),
        registry.annotation(name, version, 'drift'),
      ])
      return context.json({ ...found, decision: decision ?? null, drift: drift ?? null })
    },
  )

  async function summarise(name: ModelName): Promise<z.infer<typeof summary>> {
    const champion = await registry.alias(name, 'champion')
    const version =
      champion === undefined ? undefined : await registry.version(name, champion.version)
    return {
      model: formatModel(name),
      champion: version?.version ?? null,
      algorithm: version?.algorithm ?? null,
      ...(version === undefined ? { task: null, metric: null, score: null } : scored(version)),
      trainedAt: version?.registeredAt ?? null,
    }
  }
}

function brief(version: ModelVersion) {
  return {
    version: version.version,
    algorithm: version.algorithm,
    ...scored(version),
    rows: version.metrics.rows,
    registeredAt: version.registeredAt,
    execution: version.execution,
  }
}

/** How good a version is, by the metric of its task. */
function scored({ metrics }: ModelVersion) {
  const { metric, value } = gateScore(metrics)
  return { task: metrics.task, metric, score: value }
}

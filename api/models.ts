import * as z from 'zod'
import { millraceEvent } from '../events/index.ts'
import { MillraceError } from '../platform/ports/index.ts'
import { aliasName } from '../tasks/aliases.ts'
import type { Caller } from '../tasks/caller.ts'
import { removeModel } from '../tasks/model-removal.ts'
import { formatModel, modelNameSchema, type ModelName } from '../tasks/names.ts'
import { requireHead, requireVersion } from '../tasks/registry.ts'
import {
  aliasHistory,
  aliasShape,
  brief,
  modelShape,
  modelsPage,
  scored,
  versionShape,
  versionsPage,
  type ModelSummary,
} from './model-shapes.ts'
import {
  pageQuery,
  parsed,
  readJson,
  requestInvalid,
  versionNumber,
  versionText,
} from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const versionParams = modelNameSchema.extend({ version: versionText })
const aliasParams = modelNameSchema.extend({ alias: aliasName })

const preconditions = z.object({
  'if-match': z
    .string()
    .regex(/^"\d{1,15}"$/, 'If-Match is the ETag of the alias: its revision in quotes')
    .optional()
    .describe('the ETag of the alias as it was seen'),
  'if-none-match': z.literal('*').optional().describe('only if there is no such alias yet'),
})

const aliasMoveRequest = z.strictObject({
  version: versionNumber.describe('the version that the alias is to name'),
  reason: z.string().max(1000).default('moved by hand'),
})

/** What the registry holds, and the hand on it. */
export function modelRoutes(routes: Routes, { registry, models: cache, ports }: Services): void {
  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models',
      summary: 'Models with their champions, in order of their names',
      request: { query: pageQuery },
      responses: answers('a page of models', modelsPage),
    },
    async (context, caller) => {
      const page = parsed(pageQuery, context.req.query())
      const user = caller.user ?? undefined
      const { models, cursor } = await registry.models({ ...page, user })
      return context.json({ models: await Promise.all(models.map(summarise)), cursor })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}',
      summary: 'One model: its aliases and its latest versions',
      request: { params: modelNameSchema, query: pageQuery },
      responses: answers('the model', modelShape),
    },
    async (context) => {
      const name = parsed(modelNameSchema, context.req.param())
      const page = await versionsOf(name, parsed(pageQuery, context.req.query()))
      const aliases = await registry.aliases(name)
      return context.json({
        model: formatModel(name),
        aliases: Object.fromEntries(aliases.map(({ alias, ...rest }) => [alias, rest])),
        ...page,
      })
    },
  )

  routes.add(
    {
      access: 'own',
      method: 'delete',
      path: '/models/{user}/{dataset}',
      summary: 'Remove a model; its versions stay on record for the predictions that name them',
      request: { params: modelNameSchema },
      responses: { 204: { description: 'it is removed' } },
    },
    async (context, caller) => {
      const name = parsed(modelNameSchema, context.req.param())
      await removeModel(ports, name)
      cache.invalidate(name)
      const detail = { model: formatModel(name), by: caller.keyId }
      await ports.bus.publish([millraceEvent('Model Deleted', detail)])
      return context.body(null, 204)
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/versions',
      summary: 'Versions, the newest first',
      request: { params: modelNameSchema, query: pageQuery },
      responses: answers('a page of versions', versionsPage),
    },
    async (context) => {
      const name = parsed(modelNameSchema, context.req.param())
      return context.json(await versionsOf(name, parsed(pageQuery, context.req.query())))
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/versions/{version}',
      summary: 'One version: metrics, lineage, parameters, the gate and drift',
      request: { params: versionParams },
      responses: answers('the version', versionShape),
    },
    async (context) => {
      const { version, ...name } = parsed(versionParams, context.req.param())
      const found = await requireVersion(registry, name, version)
      const [decision, drift] = await Promise.all([
        registry.annotation(name, version, 'decision'),
        registry.annotation(name, version, 'drift'),
      ])
      return context.json({ ...found, decision: decision ?? null, drift: drift ?? null })
    },
  )

  routes.add(
    {
      access: 'read',
      method: 'get',
      path: '/models/{user}/{dataset}/aliases/{alias}',
      summary: 'What an alias names, and what it named before; the ETag is its revision',
      request: { params: aliasParams },
      responses: answers('the alias', aliasShape.extend({ history: aliasHistory })),
    },
    async (context) => {
      const { alias, ...name } = parsed(aliasParams, context.req.param())
      const found = await registry.alias(name, alias)
      if (found === undefined) {
        const message = `the model ${formatModel(name)} has no alias ${alias}`
        throw new MillraceError('ModelNotFound', message)
      }
      const history = await registry.aliasHistory(name, alias)
      return context.json({ ...found, history }, 200, { etag: `"${found.revision}"` })
    },
  )

  routes.add(
    {
      access: 'own',
      method: 'put',
      path: '/models/{user}/{dataset}/aliases/{alias}',
      summary: 'Promote a version, or roll back to one, if the alias is as it was seen',
      request: { params: aliasParams, headers: preconditions, body: takes(aliasMoveRequest) },
      responses: answers('the alias, moved', aliasShape),
    },
    async (context, caller) => {
      const { alias, ...model } = parsed(aliasParams, context.req.param())
      const ifRevision = seenRevision(context.req.header())
      const { version, reason } = parsed(aliasMoveRequest, await readJson(context.req.raw))
      if (alias === 'previous') {
        const message = '"previous" follows "champion" by itself: move that one'
        throw requestInvalid([{ field: 'alias', message }])
      }
      const movedBy = moverOf(caller)
      const move = { model, alias, version, ifRevision, movedBy, reason }
      const { alias: moved, from } = await registry.moveAlias(move)
      cache.invalidate(model)
      if (alias === 'champion') {
        await ports.bus.publish([
          millraceEvent('Model Promoted', {
            model: formatModel(model),
            version,
            previousVersion: from,
            movedBy,
            reason,
          }),
        ])
      }
      return context.json(moved, 200, { etag: `"${moved.revision}"` })
    },
  )

  /** Those of the model as it is: none from before it was deleted. Throws ModelNotFound, ModelDeleted. */
  async function versionsOf(name: ModelName, page: { cursor?: string | undefined; limit: number }) {
    const head = await requireHead(registry, name)
    const { versions, cursor } = await registry.versions(name, page)
    const present = versions.filter(({ version }) => version >= head.firstVersion)
    const goesOn = cursor !== undefined && present.length === versions.length
    return { versions: present.map(brief), ...(goesOn ? { cursor } : {}) }
  }

  async function summarise(name: ModelName): Promise<ModelSummary> {
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

/** The revision that the caller has seen; null for no alias. Throws RequestInvalid. */
function seenRevision(headers: Readonly<Record<string, string>>): number | null {
  const conditions = parsed(preconditions, {
    'if-match': headers['if-match'],
    'if-none-match': headers['if-none-match'],
  })
  const match = conditions['if-match']
  const isNew = conditions['if-none-match'] !== undefined
  if ((match === undefined) === isNew)
    return match === undefined ? null : Number(match.slice(1, -1))
  const message =
    'say what the alias is as you saw it: If-Match with its ETag, or If-None-Match: * for a new one'
  throw requestInvalid([{ field: 'if-match', message }])
}

function moverOf({ keyId }: Caller): string {
  return keyId === null ? 'operator' : `key ${keyId}`
}

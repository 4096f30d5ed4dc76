import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import type { AliasName } from '../tasks/aliases.ts'
import type { Caller } from '../tasks/caller.ts'
import { defaultUser, modelNameSchema, type ModelName } from '../tasks/names.ts'
import type { PredictionLog } from '../tasks/prediction-log.ts'
import { noQuotas, type Quotas } from '../tasks/quotas.ts'
import {
  openAdmission,
  requirePermission,
  requireTenant,
  type Admission,
  type Credentials,
} from './admission.ts'
import type { ModelCache, ServedModel } from './model-cache.ts'
import { readRows } from './prediction-rows.ts'
import {
  maxInstances,
  modelPrediction,
  predictionQuery,
  userPrediction,
  type Prediction,
} from './prediction-shapes.ts'
import { parseJson, parsed } from './requests.ts'

export interface PredictionRequest {
  /** Of a URL, with its query. */
  readonly path: string
  readonly contentType: string | undefined
  readonly credentials: Credentials
  /** Who asks, where that has been found out. */
  readonly admitted?: Caller | undefined
  /** Called once it is known who asks, and that they may. */
  readonly body: () => string | Promise<string>
  /** Answers a request that is to be done once. @default each is done */
  readonly once?: (
    caller: Caller,
    answer: () => Promise<PredictionAnswer>,
  ) => Promise<PredictionAnswer>
}

export interface PredictionAnswer {
  readonly body: Prediction
  /** Beside the type of the body. */
  readonly headers: Readonly<Record<string, string>>
}

/** What the access log tells of a request, also of one that failed. */
export interface PredictionTrace {
  route?: string
  caller?: Caller
}

/** Rows for one model, of a caller that may ask and may see it. */
export interface AskedModel {
  readonly caller: Caller
  readonly model: ModelName
  /** @default champion */
  readonly alias?: AliasName | undefined
  readonly version?: number | undefined
  readonly instances: readonly unknown[]
  /** @default false */
  readonly impute?: boolean
}

/**
 * Real-time predictions, apart from any server: what the API's routes, the local server's short way to
 * them and the Lambda function that does nothing else all call. An answer has been recorded in the log.
 */
export interface Predictions {
  /** Whether a POST to this path (of a URL, with its query) is a prediction. */
  matches(path: string): boolean
  /**
   * Throws what is wrong with the request: Unauthenticated, PermissionDenied, RequestInvalid,
   * MediaTypeUnsupported, ModelNotFound, ModelDeleted, InstancesInvalid, QuotaExceeded, StorageFailed.
   */
  answer(request: PredictionRequest, trace?: PredictionTrace): Promise<PredictionAnswer>
  /** As `answer`, without what is the request's. */
  predict(asked: AskedModel): Promise<PredictionAnswer>
}

export interface PredictionsOptions {
  readonly models: ModelCache
  readonly log: Pick<PredictionLog, 'record'>
  /** @default everyone is the operator */
  readonly admission?: Admission | undefined
  /** @default none */
  readonly quotas?: Quotas | undefined
}

const userPath = /^\/prediction(?:\?|$)/
const modelPath = /^\/models\/([^/?]+)\/([^/?]+)\/predictions(?:\?(.*))?$/

/** The routes, as the OpenAPI document names them. */
export const userRoute = '/prediction'
export const modelRoute = '/models/{user}/{dataset}/predictions'

export function createPredictions({
  models,
  log,
  admission = openAdmission,
  quotas = noQuotas,
}: PredictionsOptions): Predictions {
  return {
    matches: (path) => userPath.test(path) || modelPath.test(path),

    async answer(request, trace = {}) {
      const isOfUser = userPath.test(request.path)
      trace.route = `POST ${isOfUser ? userRoute : modelRoute}`
      const caller = request.admitted ?? (await admission.admit(request.credentials))
      trace.caller = caller
      requirePermission(caller, 'predict')
      const answer = () =>
        isOfUser ? answerForUser(request, caller) : answerForModel(request, caller)
      return request.once === undefined ? answer() : request.once(caller, answer)
    },

    predict: ({ impute = false, ...asked }) => predictWithModel({ ...asked, impute }),
  }

  async function answerForUser(
    { contentType, body }: PredictionRequest,
    caller: Caller,
  ): Promise<PredictionAnswer> {
    const { userID, array } = parsed(userBody, parseJson(contentType, await body()))
    const user = userID ?? caller.user ?? defaultUser
    requireTenant(caller, user, 'ModelNotFound')
    return predict({
      caller,
      user,
      served: () => models.lastPromoted(user),
      instances: [array],
      impute: false,
      fieldOf: () => 'array',
    })
  }

  async function answerForModel(
    { path, contentType, body }: PredictionRequest,
    caller: Caller,
  ): Promise<PredictionAnswer> {
    const [, user, dataset, query] = modelPath.exec(path) ?? []
    const model = parsed(modelNameSchema, { user: decoded(user), dataset: decoded(dataset) })
    requireTenant(caller, model.user, 'ModelNotFound')
    const { version, alias, impute } = query === undefined ? noQuery : readQuery(query)
    const asked = parsed(modelBody, parseJson(contentType, await body()))
    return predictWithModel({
      caller,
      model,
      version,
      alias,
      instances: asked.instances,
      impute: asked.impute === true || impute === 'true',
    })
  }

  function predictWithModel(asked: AskedModel & { impute: boolean }): Promise<PredictionAnswer> {
    const { caller, model, instances, impute } = asked
    return predict({
      caller,
      user: model.user,
      served: () => servedOf(asked),
      instances,
      impute,
      fieldOf: (i) => `instances.${i}`,
    })
  }

  function servedOf({ model, version, alias }: AskedModel): ServedModel | Promise<ServedModel> {
    if (version === undefined) return models.alias(model, alias ?? 'champion')
    if (alias === undefined) return models.version(model, version)
    return aliasAt(model, alias, version)
  }

  async function aliasAt(model: ModelName, alias: AliasName, version: number) {
    const served = await models.alias(model, alias)
    if (served.version === version) return served
    throw new MillraceError(
      'ModelNotFound',
      `the alias ${alias} of ${served.name} names version ${served.version}, not ${version}`,
    )
  }

  async function predict(asked: Asked): Promise<PredictionAnswer> {
    const { caller, user, instances } = asked
    const headers = (await quotas.spend(caller, user, instances.length)) ?? {}
    try {
      const served = await asked.served()
      const { name, of, version, model } = served
      const { rows, imputed } = readRows(served, instances, asked)
      const answered = {
        ...model.predict(rows),
        ...(imputed === undefined ? {} : { imputed }),
      }
      const id = await log.record({
        model: of,
        version,
        task: model.task,
        key: caller.keyId,
        contents: { instances: rows, ...answered },
      })
      return { body: { id, model: name, version, task: model.task, ...answered }, headers }
    } catch (error) {
      quotas.refund(caller, user, instances.length)
      throw error
    }
  }
}

/** Rows, and of what they are asked. */
interface Asked {
  readonly caller: Caller
  readonly user: string
  readonly served: () => ServedModel | Promise<ServedModel>
  readonly instances: readonly unknown[]
  readonly impute: boolean
  readonly fieldOf: (row: number) => string
}

/** The rows are read with the model, which says what they are to be. */
const userBody = userPrediction.extend({ array: z.array(z.unknown()) })
const modelBody = modelPrediction.extend({
  instances: z.array(z.unknown()).min(1).max(maxInstances),
})

const noQuery: z.infer<typeof predictionQuery> = {}

function readQuery(query: string) {
  return parsed(predictionQuery, Object.fromEntries(new URLSearchParams(query)))
}

/** A segment of a path as text; what is no encoding stays as it is, and is refused as a name. */
function decoded(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? '')
  } catch {
    return segment ?? ''
  }
}

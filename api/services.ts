import type { Ports } from '../platform/ports/index.ts'
import { createAccounts, type Accounts } from '../tasks/accounts.ts'
import { createAllowances, type Allowances } from '../tasks/allowances.ts'
import { createBatches, type Batches } from '../tasks/batches.ts'
import { createDatasets, type Datasets } from '../tasks/datasets.ts'
import { createFeedback, type FeedbackBook } from '../tasks/feedback.ts'
import { createLedger, type Ledger } from '../tasks/ledger.ts'
import { createPlans, type Plans } from '../tasks/plans.ts'
import { createPredictionLog, type PredictionLog } from '../tasks/prediction-log.ts'
import { createQuotas, type Quotas } from '../tasks/quotas.ts'
import { createRegistry, type Registry } from '../tasks/registry.ts'
import { createUploads, inputPlace, type Uploads } from '../tasks/uploads.ts'
import type { Admission } from './admission.ts'
import { createModelCache, type ModelCache, type ModelCacheOptions } from './model-cache.ts'
import { createPredictions, type Predictions } from './predictions.ts'

/** What the routes answer from: what there is of a platform, each made once. */
export interface Services {
  readonly ports: Ports
  readonly accounts: Accounts
  readonly plans: Plans
  readonly quotas: Quotas
  readonly allowances: Allowances
  readonly datasets: Datasets
  readonly uploads: Uploads
  /** Those of rows to predict. */
  readonly inputs: Uploads
  readonly ledger: Ledger
  readonly registry: Registry
  readonly models: ModelCache
  readonly predictionLog: PredictionLog
  readonly predictions: Predictions
  readonly feedback: FeedbackBook
  readonly batches: Batches
}

export interface ServicesOptions {
  readonly admission: Admission
  readonly models?: ModelCacheOptions | undefined
  readonly quotas?: Quotas | undefined
  readonly predictionShard?: string | undefined
}

export function createServices(
  ports: Ports,
  { admission, quotas: given, predictionShard: shard, ...options }: ServicesOptions,
): Services {
  const { table, clock, executions } = ports
  const quotas = given ?? createQuotas(table, clock)
  const registry = createRegistry(table, clock)
  const models = createModelCache(registry, ports, options.models)
  const predictionLog = createPredictionLog(ports, { shard })
  return {
    ports,
    accounts: createAccounts(table, clock),
    plans: createPlans(table),
    quotas,
    allowances: createAllowances(ports),
    datasets: createDatasets(ports),
    uploads: createUploads(ports),
    inputs: createUploads(ports, inputPlace),
    ledger: createLedger(table, executions, 'training'),
    registry,
    models,
    predictionLog,
    predictions: createPredictions({ models, log: predictionLog, admission, quotas }),
    feedback: createFeedback(ports, predictionLog),
    batches: createBatches(table),
  }
}

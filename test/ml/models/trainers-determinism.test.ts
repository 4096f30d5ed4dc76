import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { clusteringTrainers, regressionTrainers, trainers } from '../../../ml/models/index.ts'
import { fitDigest, type FitRequest } from './fit-digest.ts'

const requests: FitRequest[] = [
  ...Object.keys(trainers).map((name) => ({ task: 'classification' as const, name })),
  ...Object.keys(regressionTrainers).map((name) => ({ task: 'regression' as const, name })),
  ...Object.keys(clusteringTrainers).map((name) => ({ task: 'clustering' as const, name })),
]

let worker: Worker
beforeAll(() => {
  worker = new Worker(new URL('./fit-digest.ts', import.meta.url), { workerData: 'fit-digest' })
})
afterAll(() => worker.terminate())

// Options that no trainer sets are in determinism.test.ts.
it.each(requests)(
  'the same rows give the same model file, twenty times and in a worker: $task by $name',
  async (request) => {
    const digests = Array.from({ length: 20 }, () => fitDigest(request))
    worker.postMessage(request)
    const [elsewhere] = (await once(worker, 'message')) as [string]
    expect(new Set([...digests, elsewhere]).size).toBe(1)
  },
  60_000,
)

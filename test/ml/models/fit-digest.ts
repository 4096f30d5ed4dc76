import { createHash } from 'node:crypto'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { seededRandom } from '../../../ml/data/random.ts'
import { matrix } from '../../../ml/data/matrix.ts'
import { encodeModel, trainerNamed } from '../../../ml/models/index.ts'
import type { LearningTask } from '../../../ml/models/pipeline/tasks.ts'

export interface FitRequest {
  readonly task: LearningTask
  readonly name: string
}

/** Fits a trainer of that name to the same rows; the digest of its model file. */
export function fitDigest({ task, name }: FitRequest): string {
  const random = seededRandom(7)
  const [rows, cols] = [120, 4]
  const X = matrix(
    Float64Array.from({ length: rows * cols }, () => random()),
    rows,
    cols,
  )
  const sum = (i: number) => X.data[i * cols]! + 2 * X.data[i * cols + 1]! + 0.3 * random()
  const y = Float64Array.from({ length: rows }, (_, i) => sum(i))
  const bytes = encodeModel(fitted(task, name, X, y))
  return createHash('sha256').update(bytes).digest('hex')
}

function fitted(task: LearningTask, name: string, X: ReturnType<typeof matrix>, y: Float64Array) {
  const seed = 12345
  switch (task) {
    case 'classification':
      return trainerNamed(name, task).create({}, seed).fit(X, y.map(Math.floor))
    case 'regression':
      return trainerNamed(name, task).create({}, seed).fit(X, y)
    case 'clustering':
      return trainerNamed(name, task).create({}, seed).fit(X)
  }
}

// The file is a worker, too.
if (!isMainThread && workerData === 'fit-digest') {
  parentPort!.on('message', (request: FitRequest) => {
    parentPort!.postMessage(fitDigest(request))
  })
}

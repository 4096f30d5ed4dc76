import { matrix } from '../../../ml/data/matrix.ts'
import { seededRandom } from '../../../ml/data/random.ts'
import { encodeModel, LogisticRegression, Pipeline, SVC } from '../../../ml/models/index.ts'

/** The files of models that learned in the kernels, each from the same rows. */
export function modelFiles(): Uint8Array[] {
  const random = seededRandom(17)
  const data = Float64Array.from({ length: 160 * 6 }, () => random() + random())
  const X = matrix(data, 160, 6)
  const y = Float64Array.from({ length: 160 }, (_, i) =>
    data[6 * i]! + data[6 * i + 1]! * data[6 * i + 2]! + random() > 2.6 ? (i % 3) + 1 : 0,
  )
  return [
    new SVC({ C: 30 }),
    new SVC({ kernel: 'linear', C: 5 }),
    new SVC({ probability: true, classWeight: 'balanced' }),
    new LogisticRegression(),
  ].map((model) => encodeModel(Pipeline.of(model.fit(X, y))))
}

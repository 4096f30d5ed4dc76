import { isMillraceError, type Objects } from '../platform/ports/index.ts'
import { trainingFolder } from './names.ts'
import { trainedCandidate, type TrainedCandidate, type TrainingClaim } from './shapes.ts'
import { digestOfObject, jsonBytes } from './stored-objects.ts'

/**
 * What trainings have learned, kept beside the model files: a fit that is asked for again (a retry, a
 * redrive, the function that follows a container) is found and not learned again.
 */
export class KeptFits {
  readonly #objects: Objects
  readonly #folder: string

  constructor(objects: Objects, claim: Pick<TrainingClaim, 'model' | 'trainingId'>) {
    this.#objects = objects
    this.#folder = trainingFolder(claim)
  }

  /** The fit of an algorithm, unless there is none, or its model file is no longer what it was. */
  async find(algorithm: string): Promise<FoundFit> {
    const key = this.#key(algorithm)
    const record = await ifThere(this.#objects.head(key))
    if (record === undefined) return { fit: undefined, etag: undefined }
    const { etag, versionId } = record
    const fit = fitOf(await this.#objects.read(key, { versionId }))
    return { fit: fit && (await this.#isWhole(fit)) ? fit : undefined, etag }
  }

  /**
   * Keeps a fit, and answers the one that is kept: where another was at it too, the first.
   *
   * @param found what `find` answered before it was learned
   */
  async keep(fit: TrainedCandidate, found: FoundFit): Promise<TrainedCandidate> {
    const key = this.#key(fit.algorithm)
    const { etag } = found
    const condition = etag === undefined ? { ifAbsent: true } : { ifMatch: etag }
    try {
      const contentType = 'application/json'
      await this.#objects.put(key, jsonBytes(fit), { contentType, ...condition })
      return fit
    } catch (error) {
      if (!isMillraceError(error, 'ObjectChanged')) throw error
      return (await this.find(fit.algorithm)).fit ?? fit
    }
  }

  async #isWhole(fit: TrainedCandidate): Promise<boolean> {
    if (fit.outcome === 'skipped') return true
    const digest = await ifThere(digestOfObject(this.#objects, fit.artifact))
    return digest === fit.artifact.sha256
  }

  #key(algorithm: string): string {
    return `${this.#folder}/${algorithm}.json`
  }
}

export interface FoundFit {
  readonly fit: TrainedCandidate | undefined
  /** Of the record, whole or damaged; undefined where there is none. */
  readonly etag: string | undefined
}

function fitOf(bytes: Uint8Array): TrainedCandidate | undefined {
  try {
    return trainedCandidate.parse(JSON.parse(new TextDecoder().decode(bytes)))
  } catch {
    return undefined
  }
}

async function ifThere<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isMillraceError(error, 'ObjectNotFound')) return undefined
    throw error
  }
}

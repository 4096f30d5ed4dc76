import type { TrainingEvent, TrainingRequestedDetail } from '../events/index.ts'
import type { Delivery } from './ledger.ts'

/** Whether a training was asked for, and not brought about by an upload. */
export function isRequest(detail: TrainingEvent['detail']): detail is TrainingRequestedDetail {
  return 'request' in detail && 'model' in detail
}

/** The object that holds the configuration of a training that was asked for. */
export function requestOf({
  detail,
}: TrainingEvent): { key: string; versionId: string } | undefined {
  if (!isRequest(detail)) return undefined
  return { key: detail.request.key, versionId: detail.request['version-id'] }
}

/** What the ledger knows a training's event by: the upload, or the request. */
export function deliveryOf(event: TrainingEvent, { bucket, key, versionId }: Delivery): Delivery {
  return { bucket, key, versionId, ...requestOf(event) }
}

import * as z from 'zod'
import { envelope, eventEnvelope, type EventEnvelope, type EventOrigin } from './envelope.ts'
import { millraceSource } from './millrace-events.ts'
import { objectCreatedEventSchema } from './object-created.ts'

/**
 * A training that someone asked for, of bytes that are there already: what starts the training workflow
 * beside an upload. `request` is the object that holds the configuration.
 */
export const trainingRequestedDetail = z.object({
  bucket: z.object({ name: z.string().min(1) }),
  object: z.object({
    key: z.string().min(1),
    'version-id': z.string(),
    size: z.number().int().nonnegative(),
    /** Its place among uploads of the model: that of the request, which came after the bytes. */
    sequencer: z.string().regex(/^[0-9A-Fa-f]+$/),
  }),
  request: z.object({ key: z.string().min(1), 'version-id': z.string() }),
  /** `<user>/<dataset>`: the model that learns. */
  model: z.string(),
})
export type TrainingRequestedDetail = z.infer<typeof trainingRequestedDetail>

export const trainingRequestedEventSchema = eventEnvelope.extend({
  source: z.literal(millraceSource),
  'detail-type': z.literal('Training Requested'),
  detail: trainingRequestedDetail,
})

/** What the training workflow is started with. */
export const trainingEventSchema = z.union([objectCreatedEventSchema, trainingRequestedEventSchema])
export type TrainingEvent = z.infer<typeof trainingEventSchema>

export function trainingRequestedEvent(
  detail: TrainingRequestedDetail,
  origin: EventOrigin,
): EventEnvelope<TrainingRequestedDetail> {
  return envelope(millraceSource, 'Training Requested', detail, [], origin)
}

import * as z from 'zod'
import { MillraceError, type Ports } from '../platform/ports/index.ts'
import { configurationReasons } from '../tasks/candidates.ts'
import { maxDatasetBytes } from '../tasks/dataset.ts'
import { createLedger } from '../tasks/ledger.ts'
import { defaultUser, nameSchema, parseUploadKey, uploadKey } from '../tasks/names.ts'
import {
  trainingConfiguration,
  type TrainingConfiguration,
} from '../tasks/training-configuration.ts'
import { maxFaults, parsed, readJson, requestInvalid } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'

const expiresInSeconds = 3600

const uploadRequest = z.strictObject({
  user: nameSchema.default(defaultUser),
  dataset: nameSchema,
  format: z.enum(['npy', 'csv']).default('npy'),
  size: z.number().int().min(0).max(maxDatasetBytes).describe('bytes that will be sent'),
  configuration: trainingConfiguration.optional(),
})

const upload = z.object({
  key: z.string(),
  url: z.string(),
  method: z.literal('PUT'),
  headers: z.record(z.string(), z.string()),
  expiresAt: z.string(),
})

const deliveryQuery = z.object({ key: z.string().max(1024), versionId: z.string().max(1024) })

const delivery = z.object({
  execution: z.string(),
  status: z.string(),
  outcome: z.string().nullable(),
})

/** Uploads: a presigned URL to send the bytes to, and what became of them. */
export function uploadRoutes(routes: Routes, ports: Ports): void {
  routes.add(
    {
      access: 'train',
      method: 'post',
      path: '/uploads',
      summary: 'A URL that takes the bytes of a dataset',
      request: { body: takes(uploadRequest) },
      responses: answers('where to send the bytes', upload),
    },
    async (context) => {
      const request = parsed(uploadRequest, await readJson(context.req.raw))
      refuseImpossible(request.configuration)
      const key = uploadKey(request, request.format)
      const presigned = await ports.objects.presignUpload(key, {
        expiresInSeconds,
        size: request.size,
        ...(request.configuration === undefined
          ? {}
          : { metadata: { configuration: asciiJson(request.configuration) } }),
      })
      return context.json({ key, ...presigned, headers: { ...presigned.headers } })
    },
  )

  routes.add(
    {
      access: 'train',
      method: 'get',
      path: '/uploads/delivery',
      summary: 'The execution that took one version of an upload',
      request: { query: deliveryQuery },
      responses: answers('the delivery', delivery),
    },
    async (context) => {
      const { key, versionId } = parsed(deliveryQuery, context.req.query())
      parseUploadKey(key)
      const ledger = createLedger(ports.table, ports.executions, 'training')
      const found = await ledger.delivery({ bucket: ports.objects.bucket, key, versionId })
      if (found === undefined) {
        throw new MillraceError(
          'ExecutionNotFound',
          `no execution has taken ${key} version ${versionId} yet`,
        )
      }
      const { execution, status, outcome = null } = found
      return context.json({ execution, status, outcome })
    },
  )
}

/** What the training would be rejected for is told before the bytes are sent. Throws RequestInvalid. */
function refuseImpossible(configuration: TrainingConfiguration = {}): void {
  const errors = configurationReasons(configuration).map(({ code, message }) => ({
    field: `configuration.${code === 'HyperparameterInvalid' ? 'hyperparameters' : 'algorithms'}`,
    message,
  }))
  if (errors.length > 0) throw requestInvalid(errors.slice(0, maxFaults))
}

/** JSON in ASCII, as metadata takes it. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

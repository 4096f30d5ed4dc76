import * as z from 'zod'
import { MillraceError, type Ports } from '../platform/ports/index.ts'
import type { Allowances } from '../tasks/allowances.ts'
import { maxDatasetBytes } from '../tasks/dataset.ts'
import { sees } from '../tasks/caller.ts'
import { createLedger } from '../tasks/ledger.ts'
import {
  defaultUser,
  nameSchema,
  parseUploadKey,
  uploadKey,
  uploadKeyPattern,
} from '../tasks/names.ts'
import { trainingConfiguration } from '../tasks/training-configuration.ts'
import { createUploads } from '../tasks/uploads.ts'
import { datasetUploadRoutes } from './dataset-uploads.ts'
import { requireTenant } from './admission.ts'
import { parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import { refuseImpossible } from './training-requests.ts'

/** How long 000's clients have to begin with their upload, in seconds. */
const shortSeconds = 300

const uploadRequest = z.strictObject({
  user: nameSchema.optional().describe("by default the caller's own, or `default`"),
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

const shortRequest = z.strictObject({
  userID: nameSchema,
  size: z
    .number()
    .int()
    .min(0)
    .max(maxDatasetBytes)
    .optional()
    .describe('bytes that will be sent; default: any number that a dataset may have'),
})

const shortUpload = z.object({ preSignedUrl: z.string() })

const deliveryQuery = z.object({
  key: z.string().max(1024).meta({ pattern: uploadKeyPattern }),
  versionId: z.string().max(1024),
})

const delivery = z.object({
  execution: z.string(),
  status: z.string(),
  outcome: z.string().nullable(),
})

/** Uploads: a presigned URL to send the bytes to, and what became of them. */
export function uploadRoutes(
  routes: Routes,
  allowances: Pick<Allowances, 'store'>,
  ports: Ports,
): void {
  const uploads = createUploads(ports)
  datasetUploadRoutes(routes, { uploads, allowances })

  routes.add(
    {
      access: 'train',
      method: 'post',
      path: '/uploads',
      summary: 'A URL that takes the bytes of a dataset',
      request: { body: takes(uploadRequest) },
      responses: answers('where to send the bytes', upload),
    },
    async (context, caller) => {
      const request = parsed(uploadRequest, await readJson(context.req.raw))
      const { dataset, user = caller.user ?? defaultUser } = request
      requireTenant(caller, user, 'DatasetNotFound')
      refuseImpossible(request.configuration ?? {}, 'configuration.')
      await allowances.store(caller, user, request.size)
      return context.json(await uploads.presign({ user, dataset }, request))
    },
  )

  routes.add(
    {
      access: 'train',
      method: 'post',
      path: '/pre-signed-s3-url',
      summary: "A URL that takes a user's dataset `data`, as a .npy",
      request: { body: takes(shortRequest) },
      responses: answers('where to PUT the bytes', shortUpload),
    },
    async (context, caller) => {
      const { userID: user, size } = parsed(shortRequest, await readJson(context.req.raw))
      requireTenant(caller, user, 'DatasetNotFound')
      await allowances.store(caller, user, size ?? 0)
      const { url } = await ports.objects.presignUpload(
        uploadKey({ user, dataset: 'data' }, 'npy'),
        {
          expiresInSeconds: shortSeconds,
          ...(size === undefined ? { maxSize: maxDatasetBytes } : { size }),
        },
      )
      return context.json({ preSignedUrl: url })
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
    async (context, caller) => {
      const { key, versionId } = parsed(deliveryQuery, context.req.query())
      const { user } = parseUploadKey(key)
      const ledger = createLedger(ports.table, ports.executions, 'training')
      const found = sees(caller, user)
        ? await ledger.delivery({ bucket: ports.objects.bucket, key, versionId })
        : undefined
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

import * as z from 'zod'
import { MillraceError } from '../platform/ports/index.ts'
import { maxDatasetBytes } from '../tasks/dataset.ts'
import { sees } from '../tasks/caller.ts'
import { nameSchema, parseUploadKey, uploadKey, uploadKeyPattern } from '../tasks/names.ts'
import { datasetUploadRoutes } from './dataset-uploads.ts'
import { requireTenant } from './admission.ts'
import { parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

/** How long 000's clients have to begin with their upload, in seconds. */
const shortSeconds = 300

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
export function uploadRoutes(routes: Routes, services: Services): void {
  const { allowances, ledger, ports } = services
  datasetUploadRoutes(routes, services)

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

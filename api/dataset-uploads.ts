import * as z from 'zod'
import type { ObjectVersion, UploadedPart } from '../platform/ports/index.ts'
import { maxDatasetBytes } from '../tasks/dataset.ts'
import { modelNameSchema } from '../tasks/names.ts'
import { trainingConfiguration } from '../tasks/training-configuration.ts'
import { uploadIdSchema } from '../tasks/upload-records.ts'
import { defaultPartBytes, maxSingleBytes, maxUrls, minPartBytes } from '../tasks/uploads.ts'
import { parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'
import { refuseImpossible } from './training-requests.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 digits of 0-9 and a-f')
const maxParts = 10_000

const uploadRequest = z.strictObject({
  format: z.enum(['npy', 'csv']).default('npy'),
  size: z.number().int().min(0).max(maxDatasetBytes).describe('bytes that will be sent'),
  partSize: z
    .number()
    .int()
    .min(minPartBytes)
    .max(maxDatasetBytes)
    .optional()
    .describe(
      `asks for an upload in parts of so many bytes; default: what has more than ${maxSingleBytes} ` +
        `bytes is sent in parts of ${defaultPartBytes}, anything else whole`,
    ),
  contentType: z
    .string()
    .regex(/^[!-~]([ -~]{0,253}[!-~])?$/, 'a content type is 1 to 255 printable ASCII characters')
    .optional()
    .describe('a whole upload must be sent with it'),
  configuration: trainingConfiguration.optional(),
  sha256: sha256.optional().describe('of the bytes: others are refused or rejected'),
})

const headers = z.record(z.string(), z.string()).describe('to be sent as they are')

const partUrl = z.object({
  partNumber: z.number().int(),
  size: z.number().int().describe('bytes that the part must have'),
  url: z.string(),
  method: z.literal('PUT'),
  headers,
  expiresAt: z.string(),
})

const parts = z.array(partUrl).max(maxUrls)

const started = z.union([
  z.object({
    kind: z.literal('single'),
    key: z.string(),
    url: z.string(),
    method: z.literal('PUT'),
    headers,
    expiresAt: z.string(),
  }),
  z.object({
    kind: z.literal('multipart'),
    uploadId: z.string(),
    key: z.string(),
    partSize: z.number().int().describe('bytes of each part but the last'),
    partCount: z.number().int(),
    parts: parts.describe(`URLs of the first parts, up to ${maxUrls}`),
  }),
])

const uploadParams = modelNameSchema.extend({ uploadId: uploadIdSchema })
const partNumber = z.number().int().min(1).max(maxParts)

const partsRequest = z.strictObject({
  partNumbers: z.array(partNumber).min(1).max(maxUrls),
})

const completion = z.strictObject({
  parts: z
    .array(
      z.strictObject({
        partNumber,
        etag: z.string().min(1).max(256).describe("the `etag` header of the part's PUT"),
      }),
    )
    .min(1)
    .max(maxParts)
    .describe('all of them, in ascending order'),
})

const completed = z.object({
  key: z.string(),
  versionId: z.string(),
  size: z.number().int(),
  etag: z.string(),
  sha256: z.string().nullable().describe('null where the store does not know it yet'),
  lastModified: z.string(),
})

/** Uploads of a dataset, whole or in parts that may be sent side by side and over days. */
export function datasetUploadRoutes(routes: Routes, { uploads, allowances }: Services): void {
  const common = { access: 'train', missing: 'DatasetNotFound' } as const

  routes.add(
    {
      ...common,
      creates: true,
      method: 'post',
      path: '/datasets/{user}/{dataset}/uploads',
      summary: 'URLs that take the bytes of a dataset, which starts a training',
      request: { params: modelNameSchema, body: takes(uploadRequest) },
      responses: answers('where to send the bytes', started, 201),
    },
    async (context, caller) => {
      const dataset = parsed(modelNameSchema, context.req.param())
      const request = parsed(uploadRequest, await readJson(context.req.raw))
      refuseImpossible(request.configuration ?? {}, 'configuration.')
      const { size, partSize = size > maxSingleBytes ? defaultPartBytes : undefined } = request
      await allowances.store(caller, dataset.user, size)
      if (partSize === undefined) {
        const single = await uploads.presign(dataset, request)
        return context.json({ kind: 'single' as const, ...single }, 201)
      }
      const multipart = await uploads.start(dataset, request, partSize)
      return context.json({ kind: 'multipart' as const, ...multipart }, 201)
    },
  )

  routes.add(
    {
      ...common,
      method: 'post',
      path: '/datasets/{user}/{dataset}/uploads/{uploadId}/parts',
      summary: 'URLs of further parts of an upload, or of the same again',
      request: { params: uploadParams, body: takes(partsRequest) },
      responses: answers('URLs in the order that they were asked for', z.object({ parts })),
    },
    async (context) => {
      const { uploadId, ...dataset } = parsed(uploadParams, context.req.param())
      const { partNumbers } = parsed(partsRequest, await readJson(context.req.raw))
      return context.json({ parts: await uploads.parts(dataset, uploadId, partNumbers) })
    },
  )

  routes.add(
    {
      ...common,
      method: 'post',
      path: '/datasets/{user}/{dataset}/uploads/{uploadId}/complete',
      summary: 'Make one object of the parts of an upload; asked for again it answers the same one',
      request: { params: uploadParams, body: takes(completion) },
      responses: answers('the object version', completed),
    },
    async (context) => {
      const { uploadId, ...dataset } = parsed(uploadParams, context.req.param())
      const named = parsed(completion, await readJson(context.req.raw))
      const sent: UploadedPart[] = named.parts
      return context.json(shownVersion(await uploads.complete(dataset, uploadId, sent)))
    },
  )

  routes.add(
    {
      ...common,
      method: 'delete',
      path: '/datasets/{user}/{dataset}/uploads/{uploadId}',
      summary: 'Abort an upload in parts, and drop what was sent',
      request: { params: uploadParams },
      responses: { 204: { description: 'it is aborted' } },
    },
    async (context) => {
      const { uploadId, ...dataset } = parsed(uploadParams, context.req.param())
      await uploads.abort(dataset, uploadId)
      return context.body(null, 204)
    },
  )
}

function shownVersion(version: ObjectVersion): z.infer<typeof completed> {
  const { key, versionId, size, etag, sha256 = null, lastModified } = version
  return { key, versionId, size, etag, sha256, lastModified }
}

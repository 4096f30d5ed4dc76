import * as z from 'zod'
import type { ObjectVersion, UploadedPart } from '../platform/ports/index.ts'
import type { Permission } from '../tasks/caller.ts'
import { modelNameSchema, type ModelName } from '../tasks/names.ts'
import { uploadIdSchema } from '../tasks/upload-records.ts'
import {
  maxParts,
  maxUrls,
  minPartBytes,
  type UploadRequest,
  type Uploads,
} from '../tasks/uploads.ts'
import { parsed, readJson } from './requests.ts'
import { answers, takes, type ApiContext, type Routes } from './route.ts'

/** What all uploads are asked for with; how large each may be is for its route to say. */
export const uploadFields = {
  format: z.enum(['npy', 'csv']).default('npy'),
  contentType: z
    .string()
    .regex(/^[!-~]([ -~]{0,253}[!-~])?$/, 'a content type is 1 to 255 printable ASCII characters')
    .optional()
    .describe('a whole upload must be sent with it'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 digits of 0-9 and a-f')
    .optional()
    .describe('of the bytes: others are refused or rejected'),
}

/** Bytes of an upload, and of its parts. */
export function sizeFields({ most, mostOfPart, parts }: UploadSizes) {
  return {
    size: z.number().int().min(0).max(most).describe('bytes that will be sent'),
    partSize: z
      .number()
      .int()
      .min(minPartBytes)
      .max(mostOfPart)
      .optional()
      .describe(`asks for an upload in parts of so many bytes; default: ${parts}`),
  }
}

interface UploadSizes {
  readonly most: number
  readonly mostOfPart: number
  /** What is sent in which parts where nobody asks for any. */
  readonly parts: string
}

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

/** The answer to who starts an upload. */
export const uploadStarted = z.union([
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

/** Starts an upload, whole where it has no size of parts. Throws as `Uploads.presign`. */
export async function startUpload(
  context: ApiContext,
  uploads: Uploads,
  name: ModelName,
  { partSize, ...request }: UploadRequest & { readonly partSize: number | undefined },
) {
  if (partSize === undefined) {
    const single = await uploads.presign(name, request)
    return context.json({ kind: 'single' as const, ...single }, 201)
  }
  const multipart = await uploads.start(name, request, partSize)
  return context.json({ kind: 'multipart' as const, ...multipart }, 201)
}

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

interface PartRoutes {
  /** Where uploads are started. */
  readonly path: string
  readonly access: Permission
  readonly missing: 'DatasetNotFound' | 'ModelNotFound'
}

/** What goes on with an upload in parts: they may be sent side by side, and over days. */
export function partRoutes(
  routes: Routes,
  uploads: Uploads,
  { path, access, missing }: PartRoutes,
): void {
  const common = { access, missing } as const

  routes.add(
    {
      ...common,
      method: 'post',
      path: `${path}/{uploadId}/parts`,
      summary: 'URLs of further parts of an upload, or of the same again',
      request: { params: uploadParams, body: takes(partsRequest) },
      responses: answers('URLs in the order that they were asked for', z.object({ parts })),
    },
    async (context) => {
      const { uploadId, ...name } = parsed(uploadParams, context.req.param())
      const { partNumbers } = parsed(partsRequest, await readJson(context.req.raw))
      return context.json({ parts: await uploads.parts(name, uploadId, partNumbers) })
    },
  )

  routes.add(
    {
      ...common,
      method: 'post',
      path: `${path}/{uploadId}/complete`,
      summary: 'Make one object of the parts of an upload; asked for again it answers the same one',
      request: { params: uploadParams, body: takes(completion) },
      responses: answers('the object version', completed),
    },
    async (context) => {
      const { uploadId, ...name } = parsed(uploadParams, context.req.param())
      const named = parsed(completion, await readJson(context.req.raw))
      const sent: UploadedPart[] = named.parts
      return context.json(shownVersion(await uploads.complete(name, uploadId, sent)))
    },
  )

  routes.add(
    {
      ...common,
      method: 'delete',
      path: `${path}/{uploadId}`,
      summary: 'Abort an upload in parts, and drop what was sent',
      request: { params: uploadParams },
      responses: { 204: { description: 'it is aborted' } },
    },
    async (context) => {
      const { uploadId, ...name } = parsed(uploadParams, context.req.param())
      await uploads.abort(name, uploadId)
      return context.body(null, 204)
    },
  )
}

function shownVersion(version: ObjectVersion): z.infer<typeof completed> {
  const { key, versionId, size, etag, sha256 = null, lastModified } = version
  return { key, versionId, size, etag, sha256, lastModified }
}

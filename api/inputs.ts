import * as z from 'zod'
import { modelNameSchema } from '../tasks/names.ts'
import { requireHead } from '../tasks/registry.ts'
import { defaultPartBytes, maxParts, maxSingleBytes, partSizeFor } from '../tasks/uploads.ts'
import { parsed, readJson, requestInvalid } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'
import { partRoutes, sizeFields, startUpload, uploadFields, uploadStarted } from './upload-parts.ts'

/** The largest file of rows to predict, and the largest part of one, in bytes: what S3 takes. */
const maxInputBytes = 5 * 1024 ** 4
const maxPartBytes = 5 * 1024 ** 3

const inputRequest = z.strictObject({
  ...uploadFields,
  ...sizeFields({
    most: maxInputBytes,
    mostOfPart: maxPartBytes,
    parts:
      `what has more than ${maxSingleBytes} bytes is sent in parts of ${defaultPartBytes}, or of so ` +
      `many more that ${maxParts} will do; anything else whole`,
  }),
})

/** Uploads of rows that a batch is to predict: they are no dataset, and start no training. */
export function inputRoutes(routes: Routes, { inputs, registry, allowances }: Services): void {
  const path = '/models/{user}/{dataset}/inputs'
  const common = { access: 'predict', missing: 'ModelNotFound' } as const

  routes.add(
    {
      ...common,
      creates: true,
      method: 'post',
      path,
      summary: 'URLs that take the bytes of a file of rows, for a batch to predict',
      request: { params: modelNameSchema, body: takes(inputRequest) },
      responses: answers('where to send the bytes', uploadStarted, 201),
    },
    async (context, caller) => {
      const model = parsed(modelNameSchema, context.req.param())
      const request = parsed(inputRequest, await readJson(context.req.raw))
      const partSize = partSizeOf(request)
      await requireHead(registry, model)
      await allowances.store(caller, model.user, request.size)
      return startUpload(context, inputs, model, { ...request, partSize })
    },
  )
  partRoutes(routes, inputs, { ...common, path })
}

/** Undefined of what is sent whole. Throws RequestInvalid for parts that are too many. */
function partSizeOf({ size, partSize }: z.infer<typeof inputRequest>): number | undefined {
  if (partSize === undefined) return size <= maxSingleBytes ? undefined : partSizeFor(size)
  const count = Math.ceil(size / partSize)
  if (count <= maxParts) return partSize
  const message = `${size} bytes would be ${count} parts, and an upload has at most ${maxParts}`
  throw requestInvalid([{ field: 'partSize', message }])
}

import * as z from 'zod'
import { maxDatasetBytes } from '../tasks/dataset.ts'
import { modelNameSchema } from '../tasks/names.ts'
import { trainingConfiguration } from '../tasks/training-configuration.ts'
import { defaultPartBytes, maxSingleBytes } from '../tasks/uploads.ts'
import { parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'
import { refuseImpossible } from './training-requests.ts'
import { partRoutes, sizeFields, startUpload, uploadFields, uploadStarted } from './upload-parts.ts'

const uploadRequest = z.strictObject({
  ...uploadFields,
  ...sizeFields({
    most: maxDatasetBytes,
    mostOfPart: maxDatasetBytes,
    parts:
      `what has more than ${maxSingleBytes} bytes is sent in parts of ${defaultPartBytes}, ` +
      'anything else whole',
  }),
  configuration: trainingConfiguration.optional(),
})

/** Uploads of a dataset, whole or in parts that may be sent side by side and over days. */
export function datasetUploadRoutes(routes: Routes, { uploads, allowances }: Services): void {
  const path = '/datasets/{user}/{dataset}/uploads'
  const common = { access: 'train', missing: 'DatasetNotFound' } as const

  routes.add(
    {
      ...common,
      creates: true,
      method: 'post',
      path,
      summary: 'URLs that take the bytes of a dataset, which starts a training',
      request: { params: modelNameSchema, body: takes(uploadRequest) },
      responses: answers('where to send the bytes', uploadStarted, 201),
    },
    async (context, caller) => {
      const dataset = parsed(modelNameSchema, context.req.param())
      const request = parsed(uploadRequest, await readJson(context.req.raw))
      refuseImpossible(request.configuration ?? {}, 'configuration.')
      const { size, partSize = size > maxSingleBytes ? defaultPartBytes : undefined } = request
      await allowances.store(caller, dataset.user, size)
      return startUpload(context, uploads, dataset, { ...request, partSize })
    },
  )
  partRoutes(routes, uploads, { ...common, path })
}

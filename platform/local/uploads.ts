import type { Api } from '../../api/app.ts'
import { notAllowed, problemOf, problemResponse } from '../../api/problem.ts'
import type { Logger } from '../ports/index.ts'
import { signedUploadPath } from '../ports/signed-upload.ts'
import type { LocalObjects } from './objects.ts'

/**
 * Puts the door for presigned uploads, which S3 itself serves on AWS, before an app. The answer is
 * S3's: an etag, the version's id (a part has none), no body.
 */
export function withUploads(
  api: Pick<Api, 'fetch'>,
  objects: LocalObjects,
  logger: Logger,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const at = request.url.indexOf('/', 'https://'.length)
    if (request.url.slice(at).split('?', 1)[0] !== signedUploadPath) return api.fetch(request)
    if (request.method !== 'PUT') return notAllowed('a presigned upload is a PUT', ['PUT'])
    try {
      const { etag, versionId } = await objects.acceptUpload({
        url: request.url,
        headers: request.headers,
        body: request.body ?? [],
      })
      return new Response(null, {
        headers: {
          etag: `"${etag}"`,
          ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
        },
      })
    } catch (error) {
      return problemResponse(problemOf(error, logger))
    }
  }
}

import type { Api } from '../../api/app.ts'
import { notAllowed, problemOf, problemResponse } from '../../api/problem.ts'
import type { Logger } from '../ports/index.ts'
import { signedUploadPath } from '../ports/signed-upload.ts'
import type { LocalObjects } from './objects.ts'

/** Puts the door for presigned uploads, which S3 itself serves on AWS, before an app; the answer is S3's: a version id, no body. */
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
      const version = await objects.acceptUpload({
        url: request.url,
        headers: request.headers,
        body: request.body ?? [],
      })
      return new Response(null, {
        headers: { 'x-amz-version-id': version.versionId, etag: `"${version.etag}"` },
      })
    } catch (error) {
      return problemResponse(problemOf(error, logger))
    }
  }
}

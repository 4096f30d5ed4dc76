import type { Api } from '../../api/app.ts'
import { problemOf, problemResponse } from '../../api/problem.ts'
import type { Logger } from '../ports/index.ts'
import { MillraceError } from '../ports/index.ts'
import type { LocalObjects } from './objects.ts'

/** The path of presigned uploads, which S3 itself serves on AWS. */
const uploadPath = '/uploads/presigned'

/** Puts the door for presigned uploads before an app; the answer is S3's: a version id, no body. */
export function withUploads(
  api: Pick<Api, 'fetch'>,
  objects: LocalObjects,
  logger: Logger,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const at = request.url.indexOf('/', 'https://'.length)
    if (!request.url.startsWith(uploadPath, at)) return api.fetch(request)
    try {
      if (request.method !== 'PUT') {
        throw new MillraceError('MethodNotAllowed', `a presigned upload is a PUT`)
      }
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

import { S3Client } from '@aws-sdk/client-s3'
import { commonOptions, isEmulated, type ClientOptions } from './options.ts'

export function s3Client(options: ClientOptions): S3Client {
  // An emulator's address has no host name for each bucket.
  return new S3Client({ ...commonOptions(options), forcePathStyle: isEmulated(options) })
}

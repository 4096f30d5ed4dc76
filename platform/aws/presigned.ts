import { PutObjectCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { PresignedUpload, PresignOptions, PresignPartOptions } from '../ports/objects.ts'
import type { ObjectAddress } from './object-answers.ts'

/** A URL for the PUT of an object. `now` is in milliseconds since 1970. */
export function presignedObject(
  client: S3Client,
  address: ObjectAddress,
  options: PresignOptions,
  now: number,
): Promise<PresignedUpload> {
  const { size, contentType, metadata = {}, expiresInSeconds } = options
  const command = new PutObjectCommand({
    ...address,
    ...(size === undefined ? {} : { ContentLength: size }),
    ...(contentType === undefined ? {} : { ContentType: contentType }),
    Metadata: { ...metadata },
  })
  const headers = {
    ...(size === undefined ? {} : { 'content-length': String(size) }),
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
    ),
  }
  const sign = (how: SigningArguments) => getSignedUrl(withoutChecksums(client), command, how)
  return presigned(sign, headers, expiresInSeconds, now)
}

/** A URL for the PUT of one part of an upload. */
export function presignedPart(
  client: S3Client,
  upload: ObjectAddress & { readonly UploadId: string },
  { partNumber, size, expiresInSeconds }: PresignPartOptions,
  now: number,
): Promise<PresignedUpload> {
  const command = new UploadPartCommand({ ...upload, PartNumber: partNumber, ContentLength: size })
  const sign = (how: SigningArguments) => getSignedUrl(withoutChecksums(client), command, how)
  return presigned(sign, { 'content-length': String(size) }, expiresInSeconds, now)
}

type SigningArguments = NonNullable<Parameters<typeof getSignedUrl>[2]>

async function presigned(
  sign: (how: SigningArguments) => Promise<string>,
  headers: Record<string, string>,
  expiresInSeconds: number,
  now: number,
): Promise<PresignedUpload> {
  // The signature knows whole seconds.
  const signedAt = now - (now % 1000)
  const names = new Set(Object.keys(headers))
  const url = await sign({
    expiresIn: expiresInSeconds,
    signingDate: new Date(signedAt),
    signableHeaders: names,
    // They stay headers, so that they are what the upload sends; the SDK would move metadata to the URL.
    unhoistableHeaders: names,
  })
  const expiresAt = new Date(signedAt + expiresInSeconds * 1000).toISOString()
  return { url, method: 'PUT', headers, expiresAt }
}

/** The SDK would sign the checksum of the body at hand, which is none, into the URL. */
function withoutChecksums(client: S3Client): S3Client {
  const requestChecksumCalculation = () => Promise.resolve('WHEN_REQUIRED' as const)
  const config = { ...client.config, requestChecksumCalculation }
  return Object.create(client, { config: { value: config } }) as S3Client
}

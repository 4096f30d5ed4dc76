import type { Deployment } from '../platform-location.ts'
import { optional } from './packages.ts'
import { awsError, clientOptions } from './stack.ts'

/** What empties and removes the data of a stack. */
export interface DataRemoval {
  /** Removes every version of every object, and what unfinished uploads left. */
  emptyBucket(bucket: string): Promise<number>
  removeBucket(bucket: string): Promise<void>
  removeTable(table: string): Promise<void>
}

/**
 * The clients for it, loaded before anything is removed.
 *
 * @throws MillraceError PackageMissing.
 */
export async function dataRemoval(deployment: Deployment): Promise<DataRemoval> {
  const packages = ['@aws-sdk/client-s3', '@aws-sdk/client-dynamodb']
  const s3 = await optional(packages, () => import('@aws-sdk/client-s3'))
  const dynamo = await optional(packages, () => import('@aws-sdk/client-dynamodb'))
  const options = clientOptions(deployment)
  const objects = new s3.S3Client({
    ...options,
    forcePathStyle: deployment.endpoint !== undefined,
  })
  const tables = new dynamo.DynamoDBClient(options)

  const asked = async <Answer>(
    what: string,
    work: Promise<Answer>,
  ): Promise<Answer | undefined> => {
    try {
      return await work
    } catch (error) {
      // Gone already: a removal that was cut short goes on at the next try.
      if (goneAlready.has((error as Error).name)) return undefined
      throw awsError(what, deployment, error)
    }
  }

  const removeVersions = async (Bucket: string): Promise<number> => {
    let removed = 0
    for (;;) {
      // Always from the start: what was listed before is gone.
      const page = await objects.send(new s3.ListObjectVersionsCommand({ Bucket }))
      const Objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(
        ({ Key, VersionId }) => ({ Key, VersionId }),
      )
      if (Objects.length === 0) return removed
      const { Errors = [] } = await objects.send(
        new s3.DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
      )
      const [refused] = Errors
      if (refused !== undefined) {
        throw new Error(`${refused.Key} stays: ${refused.Code} ${refused.Message}`)
      }
      removed += Objects.length
    }
  }

  const abortUploads = async (Bucket: string): Promise<void> => {
    for (;;) {
      const { Uploads = [] } = await objects.send(new s3.ListMultipartUploadsCommand({ Bucket }))
      if (Uploads.length === 0) return
      for (const { Key, UploadId } of Uploads) {
        await objects.send(new s3.AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
      }
    }
  }

  return {
    emptyBucket: async (bucket) => {
      await asked(`ending the uploads to ${bucket}`, abortUploads(bucket))
      return (await asked(`emptying the bucket ${bucket}`, removeVersions(bucket))) ?? 0
    },
    removeBucket: async (Bucket) => {
      await asked(
        `removing the bucket ${Bucket}`,
        objects.send(new s3.DeleteBucketCommand({ Bucket })),
      )
    },
    removeTable: async (TableName) => {
      await asked(
        `removing the table ${TableName}`,
        tables.send(new dynamo.DeleteTableCommand({ TableName })),
      )
    },
  }
}

const goneAlready: ReadonlySet<string> = new Set(['NoSuchBucket', 'ResourceNotFoundException'])

/** What stands for Amazon S3 where a distributed Map reads its items and writes its results. */
export interface ObjectStore {
  /**
   * The bytes of an object, in order. A rejection becomes the cause of States.ItemReaderFailed: its
   * message says what is missing or forbidden.
   *
   * @param versionId of a bucket that keeps versions; default the current one
   */
  read(bucket: string, key: string, versionId?: string): ObjectBytes | Promise<ObjectBytes>
  /** The objects whose keys begin with `prefix`, in order of their keys. */
  list(
    bucket: string,
    prefix: string,
  ): AsyncIterable<ListedObject> | Promise<Iterable<ListedObject>> | Iterable<ListedObject>
  /** Replaces an object by these bytes. A rejection becomes the cause of States.ResultWriterFailed. */
  write(bucket: string, key: string, bytes: Uint8Array): void | Promise<void>
}

export type ObjectBytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array> | Uint8Array

/** An object as ListObjectsV2 shows it. */
export interface ListedObject {
  readonly key: string
  readonly size: number
  /** With its quotes, as the service gives it. */
  readonly etag?: string
  readonly lastModified?: Date
  /** Default STANDARD. */
  readonly storageClass?: string
}

/** An object's place as the Context object's `Map.Item.Source` and messages have it. */
export function uriOf(bucket: string, key?: string): string {
  return key === undefined ? `S3://${bucket}` : `S3://${bucket}/${key}`
}

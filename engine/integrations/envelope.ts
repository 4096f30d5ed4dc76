import { randomUUID } from 'node:crypto'
import type { Json, JsonObject } from '../data.ts'

/** What an optimised integration adds to the answer of the service. */
export interface Metadata extends JsonObject {
  readonly SdkHttpMetadata: Json
  readonly SdkResponseMetadata: Json
}

/**
 * @param body the JSON text of the service's answer
 * @param headers of the service's response, in addition to those that each has
 */
export function metadataOf(
  body: string,
  headers: Readonly<Record<string, string>> = { 'Content-Type': 'application/x-amz-json-1.0' },
): Metadata {
  const requestId = randomUUID()
  const all = {
    ...headers,
    Connection: 'keep-alive',
    'Content-Length': String(Buffer.byteLength(body)),
    Date: new Date().toUTCString(),
    'x-amzn-RequestId': requestId,
  }
  const lists = Object.entries(all).map(([name, value]) => [name, [value]] as const)
  return {
    SdkHttpMetadata: {
      AllHttpHeaders: Object.fromEntries(lists),
      HttpHeaders: all,
      HttpStatusCode: 200,
    },
    SdkResponseMetadata: { RequestId: requestId },
  }
}

/** The answer of a service as an optimised integration gives it, its fields in alphabetical order. */
export function withMetadata(answer: JsonObject, headers?: Readonly<Record<string, string>>): Json {
  return sorted({ ...answer, ...metadataOf(JSON.stringify(answer), headers) })
}

export function sorted(object: JsonObject): JsonObject {
  const names = Object.keys(object).sort()
  return Object.fromEntries(names.map((name) => [name, object[name]!]))
}

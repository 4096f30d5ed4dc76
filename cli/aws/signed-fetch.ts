import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { AwsCredentialIdentity, Provider } from '@smithy/types'
import type { Send } from '../client.ts'
import { clientPackages, optional } from './packages.ts'

export interface Signing {
  readonly region: string
  readonly credentials: Provider<AwsCredentialIdentity>
  /** As signatures name it. @default execute-api: API Gateway */
  readonly service?: string
  /** Default: now. */
  readonly date?: () => Date
}

/** `fetch` of requests that are signed by AWS Signature Version 4. */
export async function signedFetch({
  region,
  credentials,
  service = 'execute-api',
  date,
}: Signing): Promise<Send> {
  const { SignatureV4 } = await optional(clientPackages, () => import('@smithy/signature-v4'))
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 })
  return async (url, { method = 'GET', headers: given = {}, body, signal } = {}) => {
    const signed = await signer.sign(
      {
        method,
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: { ...given, host: url.host },
        ...(body === undefined ? {} : { body }),
      },
      { signingDate: date?.() ?? new Date() },
    )
    const headers = new Headers(signed.headers)
    // fetch writes it itself, from the URL.
    headers.delete('host')
    return fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    })
  }
}

type Bytes = string | ArrayBuffer | ArrayBufferView

/** The machine's own SHA-256, keyed where a key is given, as the signer takes it. */
class Sha256 {
  readonly #hash: Hash | Hmac

  constructor(key?: Bytes) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(key))
  }

  update(data: Bytes): void {
    this.#hash.update(bytesOf(data))
  }

  reset(): void {
    throw new Error('a hash is made anew for each use')
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}

function bytesOf(data: Bytes): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  if (data instanceof ArrayBuffer) return Buffer.from(data)
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

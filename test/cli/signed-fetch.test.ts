import { createHash, createHmac } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { reachableApiUrl } from '../../cli/aws/api-url.ts'
import { signedFetch } from '../../cli/aws/signed-fetch.ts'

const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('signedFetch', () => {
  it('signs as AWS documents it: path, sorted query, headers and the digest of the body', async () => {
    const sent: [URL, RequestInit][] = []
    vi.stubGlobal('fetch', async (url: URL, init: RequestInit) => {
      sent.push([url, init])
      return new Response('{}')
    })
    const send = await signedFetch({
      region: 'eu-west-1',
      credentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey }),
      date: () => new Date('2026-03-04T05:06:07Z'),
    })
    const body = '{"instances":[[1,2]]}'
    await send(
      new URL('https://api.example.com/models/ada/iris/predictions?version=0&b=%C3%A9&a=x%20y'),
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      },
    )

    const canonical = [
      'POST',
      '/models/ada/iris/predictions',
      'a=x%20y&b=%C3%A9&version=0',
      'content-type:application/json',
      'host:api.example.com',
      `x-amz-content-sha256:${sha256(body)}`,
      'x-amz-date:20260304T050607Z',
      '',
      'content-type;host;x-amz-content-sha256;x-amz-date',
      sha256(body),
    ].join('\n')
    const scope = '20260304/eu-west-1/execute-api/aws4_request'
    const toSign = ['AWS4-HMAC-SHA256', '20260304T050607Z', scope, sha256(canonical)].join('\n')
    const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
    const signature = createHmac('sha256', key).update(toSign).digest('hex')
    const [[, init]] = sent as [[URL, RequestInit]]
    expect(new Headers(init.headers).get('authorization')).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, ` +
        `SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
    )
    expect(init).toMatchObject({ method: 'POST', body })
  })
})

describe('reachableApiUrl', () => {
  const endpoint = 'http://127.0.0.1:4566'

  it('is the address itself on AWS', () => {
    const url = 'https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com'
    expect(reachableApiUrl(url, undefined)).toBe(url)
  })

  it("is below an emulator's own address, where its names may not resolve", () => {
    for (const host of [
      'http://4cde42eb.execute-api.localhost:4566',
      'https://4cde42eb.execute-api.us-east-1.amazonaws.com/',
    ]) {
      expect(reachableApiUrl(host, endpoint)).toBe(
        'http://127.0.0.1:4566/_aws/execute-api/4cde42eb/$default/',
      )
    }
  })

  it('is left alone where it names no API', () => {
    expect(reachableApiUrl('https://api.example.com/v1', endpoint)).toBe(
      'https://api.example.com/v1',
    )
  })
})

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

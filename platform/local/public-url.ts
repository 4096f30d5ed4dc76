import { AsyncLocalStorage } from 'node:async_hooks'
import type { Api } from '../../api/app.ts'
import { MillraceError } from '../ports/errors.ts'

/** Addresses that stand for all of a machine's, and are none that a client can go to. */
export const anyAddresses: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]'])

/** A base URL without a slash at its end. Throws SettingsInvalid. */
export function readPublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isBase =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === '')
  if (isBase) return url.href.replace(/\/+$/, '')
  throw new MillraceError(
    'SettingsInvalid',
    `"${text}" is no public URL: give one of http or https, as https://ml.example.com, without ` +
      'credentials and query',
  )
}

/**
 * To which address the request that is being answered came, as its header `Host` says. Whoever asks may
 * write what they like there: it is for what they alone are answered.
 */
export class RequestOrigins {
  readonly #current = new AsyncLocalStorage<string>()

  /** Undefined where no request is being answered. */
  get current(): string | undefined {
    return this.#current.getStore()
  }

  /** The API, whose requests are known while they are answered. */
  told(api: Pick<Api, 'fetch'>): Pick<Api, 'fetch'> {
    return {
      fetch: (request, asked) => {
        const { host, origin } = new URL(request.url)
        if (!plainHost.test(host)) return api.fetch(request, asked)
        return this.#current.run(origin, () => api.fetch(request, asked))
      },
    }
  }
}

/** A name or an address, and perhaps a port: URLs allow more, as quotes. */
const plainHost = /^(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:.]+\])(?::\d{1,5})?$/

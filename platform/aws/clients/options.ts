/** How the clients of the SDK reach AWS, where the environment does not say it all. */
export interface ClientOptions {
  /** An emulator's address. @default AWS_ENDPOINT_URL, which the SDK reads itself */
  readonly endpoint?: string
  /** @default that of the environment or the profile */
  readonly region?: string
  readonly profile?: string
  /** @default those of the environment, the profile or the role */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/**
 * What every client gets.
 *
 * Retries are the SDK's standard ones, a few more than by default: the adaptive mode slows a whole
 * process down after a throttled call, which helps a long-lived one with many calls and only delays a
 * function that makes few and is retried as a whole by its state or its queue.
 *
 * An address that does not answer is given up soon, and a connection on which nothing moves: a task
 * goes on to its next attempt while it has time. Connections are kept alive, as is the SDK's default.
 */
export function commonOptions(options: ClientOptions) {
  return {
    ...options,
    retryMode: 'standard',
    maxAttempts: 5,
    requestHandler: {
      connectionTimeout: 2000,
      socketTimeout: 20_000,
      httpsAgent: { keepAlive: true, maxSockets: 50 },
      httpAgent: { keepAlive: true, maxSockets: 50 },
    },
  }
}

/** Whether requests go to an emulator: its address has no host name for each bucket. */
export function isEmulated({ endpoint }: ClientOptions): boolean {
  return endpoint !== undefined || (process.env['AWS_ENDPOINT_URL'] ?? '') !== ''
}

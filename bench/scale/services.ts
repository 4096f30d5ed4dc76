import type { Simulation } from './simulation.ts'

/** Tokens that flow in at a rate, as many as it holds at most; full at the beginning. */
export class TokenBucket {
  readonly #simulation: Simulation
  readonly #rate: number
  readonly #burst: number
  #tokens: number
  #at = 0

  constructor(simulation: Simulation, { rate, burst }: { rate: number; burst: number }) {
    this.#simulation = simulation
    this.#rate = rate
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes so many if they are there. */
  take(tokens = 1): boolean {
    this.#refill()
    if (this.#tokens < tokens) return false
    this.#tokens -= tokens
    return true
  }

  /** Takes so many in turn, and answers the seconds until they are there. */
  reserve(tokens = 1): number {
    this.#refill()
    this.#tokens -= tokens
    return Math.max(0, -this.#tokens / this.#rate)
  }

  /** Calls back in turn, as soon as so many are there; at once when none waits and they are. */
  whenTaken(tokens: number, taken: () => void): void {
    if (this.#queue.length === this.#served && this.take(tokens)) return taken()
    this.#queue.push({ tokens, taken })
    if (this.#queue.length === this.#served + 1) this.#awaitNext()
  }

  /** Those that wait, of whom so many of the first have been served. */
  readonly #queue: { readonly tokens: number; readonly taken: () => void }[] = []
  #served = 0

  #awaitNext(): void {
    const next = this.#queue[this.#served]!
    this.#refill()
    const seconds = Math.max(0, next.tokens - this.#tokens) / this.#rate
    this.#simulation.after(seconds, () => {
      this.#refill()
      this.#tokens -= next.tokens
      this.#served++
      // Moved up now and then, since each time would take as long as the queue.
      if (this.#served > 10_000) {
        this.#queue.splice(0, this.#served)
        this.#served = 0
      }
      if (this.#queue.length > this.#served) this.#awaitNext()
      next.taken()
    })
  }

  #refill(): void {
    const { now } = this.#simulation
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate)
    this.#at = now
  }
}

/** What all functions of an account share. */
export class LambdaAccount {
  readonly #concurrency: number
  #running = 0
  /** The most at one time so far. */
  peak = 0

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  begin(): boolean {
    if (this.#running >= this.#concurrency) return false
    this.peak = Math.max(this.peak, ++this.#running)
    return true
  }

  end(): void {
    this.#running--
  }
}

/** A function of an account: its environments stay, and it gains new ones at a limited rate. */
export class LambdaFunction {
  readonly #account: LambdaAccount
  readonly #starts: TokenBucket
  #idle = 0
  throttles = 0

  constructor(simulation: Simulation, account: LambdaAccount, scaling: Scaling) {
    this.#account = account
    const { environments, seconds } = scaling
    this.#starts = new TokenBucket(simulation, {
      rate: environments / seconds,
      burst: environments,
    })
  }

  /** How an invocation begins. */
  begin(): 'warm' | 'cold' | 'throttled' {
    if (this.#account.begin()) {
      if (this.#idle > 0) {
        this.#idle--
        return 'warm'
      }
      if (this.#starts.take()) return 'cold'
      this.#account.end()
    }
    this.throttles++
    return 'throttled'
  }

  end(): void {
    this.#account.end()
    this.#idle++
  }
}

export interface Scaling {
  /** New environments of one function in so many seconds. */
  readonly environments: number
  readonly seconds: number
}

/** `Retry` of a state, of one error. */
export interface RetryPolicy {
  readonly IntervalSeconds: number
  readonly BackoffRate: number
  readonly MaxAttempts: number
  readonly MaxDelaySeconds?: number
  readonly JitterStrategy?: 'FULL' | 'NONE'
}

/** Seconds before the retry of so many-th number, from 1; undefined where there is none any more. */
export function pauseBefore(
  retry: number,
  policy: RetryPolicy,
  random: () => number,
): number | undefined {
  const { IntervalSeconds, BackoffRate, MaxAttempts, MaxDelaySeconds = Infinity } = policy
  if (retry > MaxAttempts) return undefined
  const longest = Math.min(IntervalSeconds * BackoffRate ** (retry - 1), MaxDelaySeconds)
  return policy.JitterStrategy === 'FULL' ? longest * random() : longest
}

import {
  LambdaAccount,
  LambdaFunction,
  pauseBefore,
  TokenBucket,
  type RetryPolicy,
  type Scaling,
} from './services.ts'
import { Simulation } from './simulation.ts'

/** A Map Run whose children each invoke one function that reads, works and records a result. */
export interface MapRun {
  readonly children: number
  /** Children at one time. */
  readonly concurrency: number
  /** Seconds that a child works once it has been started; read again when it is tried again. */
  readonly work: (child: number) => number
  /** Requests to the bucket before the work and after it. */
  readonly gets: number
  readonly puts: number
  /** Units written to the table. */
  readonly writes: number
  /** Items that children are counted in by turns. */
  readonly counters: number
  /** Probability that an attempt throws when its work is done. */
  readonly failures: number
  readonly retries: { readonly throttled: RetryPolicy; readonly failed: RetryPolicy }
  readonly limits: MapRunLimits
  readonly random: () => number
}

export interface MapRunLimits {
  /** Functions of the account. */
  readonly functions: number
  readonly scaling: Scaling
  readonly starts: Bucket
  readonly gets: Bucket
  readonly puts: Bucket
  readonly writes: Bucket
  /** Seconds that a transaction holds a counter of the batch: another one meanwhile conflicts. */
  readonly counterSeconds: number
  /** Seconds before the handler of an environment runs. */
  readonly start: { readonly warm: number; readonly cold: number }
}

interface Bucket {
  readonly rate: number
  readonly burst: number
}

export interface MapRunOutcome {
  readonly seconds: number
  readonly succeeded: number
  readonly failed: number
  readonly invocations: number
  /** Invocations that were refused, and tried again later. */
  readonly throttled: number
  /** Transactions that met another one. */
  readonly conflicts: number
  /** Seconds of all functions together. */
  readonly functionSeconds: number
  /** Children at one time, at most. */
  readonly peak: number
}

/** As the table's adapter repeats what conflicts: a random part of a pause that doubles up to a second. */
const conflictPolicy: RetryPolicy = {
  IntervalSeconds: 0.02,
  BackoffRate: 2,
  MaxAttempts: 11,
  MaxDelaySeconds: 1,
  JitterStrategy: 'FULL',
}

/** Follows every child from its start to its result. */
export function simulateMapRun(run: MapRun): MapRunOutcome {
  return new RunningMap(run).outcome()
}

class RunningMap {
  readonly #run: MapRun
  readonly #simulation = new Simulation()
  readonly #account: LambdaAccount
  readonly #function: LambdaFunction
  readonly #starts: TokenBucket
  readonly #gets: TokenBucket
  readonly #puts: TokenBucket
  readonly #writes: TokenBucket
  #begun = 0
  #succeeded = 0
  #failed = 0
  #invocations = 0
  #conflicts = 0
  #functionSeconds = 0
  readonly #counterFreeAt: Float64Array

  constructor(run: MapRun) {
    this.#run = run
    const { limits, counters } = run
    this.#counterFreeAt = new Float64Array(counters)
    const bucket = (size: Bucket) => new TokenBucket(this.#simulation, size)
    this.#account = new LambdaAccount(limits.functions)
    this.#function = new LambdaFunction(this.#simulation, this.#account, limits.scaling)
    this.#starts = bucket(limits.starts)
    this.#gets = bucket(limits.gets)
    this.#puts = bucket(limits.puts)
    this.#writes = bucket(limits.writes)
  }

  outcome(): MapRunOutcome {
    const { children, concurrency } = this.#run
    for (let place = 0; place < Math.min(children, concurrency); place++) this.#next()
    this.#simulation.run()
    return {
      seconds: this.#simulation.now,
      succeeded: this.#succeeded,
      failed: this.#failed,
      invocations: this.#invocations,
      throttled: this.#function.throttles,
      conflicts: this.#conflicts,
      functionSeconds: this.#functionSeconds,
      peak: this.#account.peak,
    }
  }

  /** A free place gets the next child. */
  #next(): void {
    if (this.#begun === this.#run.children) return
    const child: Child = { index: this.#begun++, throttles: 0, faults: 0 }
    this.#simulation.after(this.#starts.reserve(), () => this.#invoke(child))
  }

  #invoke(child: Child): void {
    const { limits, gets, work, failures, retries, random } = this.#run
    const beginning = this.#function.begin()
    if (beginning === 'throttled') {
      return this.#again(child, pauseBefore(++child.throttles, retries.throttled, random))
    }
    this.#invocations++
    const begun = this.#simulation.now
    const seconds = limits.start[beginning] + this.#gets.reserve(gets) + work(child.index)
    this.#simulation.after(seconds, () => {
      if (random() < failures) return this.#fault(child, begun)
      const wait = this.#puts.reserve(this.#run.puts) + this.#writes.reserve(this.#run.writes)
      this.#simulation.after(wait, () => this.#record(child, begun, 0))
    })
  }

  /** The result and its count in one transaction, which is repeated when it meets another. */
  #record(child: Child, begun: number, conflicts: number): void {
    const { now } = this.#simulation
    const counter = child.index % this.#run.counters
    if (now < this.#counterFreeAt[counter]!) {
      this.#conflicts++
      const pause = pauseBefore(conflicts + 1, conflictPolicy, this.#run.random)
      if (pause === undefined) return this.#fault(child, begun)
      return this.#simulation.after(pause, () => this.#record(child, begun, conflicts + 1))
    }
    const { counterSeconds } = this.#run.limits
    this.#counterFreeAt[counter] = now + counterSeconds
    this.#simulation.after(counterSeconds, () => {
      this.#end(begun)
      this.#succeeded++
      this.#next()
    })
  }

  #fault(child: Child, begun: number): void {
    this.#end(begun)
    this.#again(child, pauseBefore(++child.faults, this.#run.retries.failed, this.#run.random))
  }

  #again(child: Child, pause: number | undefined): void {
    if (pause !== undefined) return this.#simulation.after(pause, () => this.#invoke(child))
    this.#failed++
    this.#next()
  }

  #end(begun: number): void {
    this.#function.end()
    this.#functionSeconds += this.#simulation.now - begun
  }
}

interface Child {
  readonly index: number
  throttles: number
  faults: number
}

import type { Random } from '../../ml/data/index.ts'
import { LambdaAccount, LambdaFunction, pauseBefore, TokenBucket } from './services.ts'
import type { RetryPolicy, Scaling } from './services.ts'
import { normal, spread } from './noise.ts'
import { Simulation } from './simulation.ts'

/** Uploads of many tenants, each of which starts an execution of one state machine. */
export interface UploadRun {
  /** Uploads a second, at random times, for so many seconds. */
  readonly rate: number
  readonly seconds: number
  /** The states that an execution enters, one after the other. */
  readonly states: readonly SimulatedState[]
  readonly limits: UploadLimits
  /** How EventBridge calls StartExecution again. */
  readonly delivery: RetryPolicy & { readonly seconds: number }
  readonly random: Random
}

/** A state with a function has branches, each the runs of its function that follow one another. */
export interface SimulatedState {
  readonly name: string
  /** Transitions that entering it takes, with states in it that have no function. */
  readonly transitions: number
  readonly branches: readonly (readonly Invocation[])[]
  /** Branches at one time. */
  readonly concurrency: number
}

export interface Invocation {
  readonly function: string
  /** Of the function, once it runs. */
  readonly seconds: number
  readonly throttled: RetryPolicy
  /** Whether the execution goes on without it when its retries are used up. */
  readonly isOptional: boolean
}

export interface UploadLimits {
  /** Functions of the account that are left for trainings. */
  readonly functions: number
  readonly scaling: Scaling
  readonly starts: { readonly rate: number; readonly burst: number }
  readonly transitions: { readonly rate: number; readonly burst: number }
  readonly openExecutions: number
  /** `TimeoutSeconds` of the state machine. */
  readonly executionSeconds: number
  /** Seconds before the handler of an environment runs. */
  readonly start: { readonly warm: number; readonly cold: number }
}

/** Where every upload went: `uploads` is the sum of the last four. */
export interface UploadOutcome {
  readonly uploads: number
  readonly succeeded: number
  /** Executions that failed with their retries used up: they are on record and can be redriven. */
  readonly failed: number
  /** Executions that took longer than the state machine gives them: they are on record. */
  readonly timedOut: number
  /** Events that could not be delivered in time: they are in the dead-letter queue. */
  readonly undelivered: number
  /** When the last execution ended. */
  readonly seconds: number
  /** From an upload to its model, of those that have one. */
  readonly median: number
  readonly p99: number
  /** StartExecution that was refused. */
  readonly refusedStarts: number
  /** Invocations that were refused. */
  readonly throttled: number
  readonly invocations: number
  /** The longest that a transition waited. */
  readonly longestTransition: number
  /** Functions at one time, at most. */
  readonly peakFunctions: number
  /** Executions at one time, at most. */
  readonly peakExecutions: number
}

/** Follows every upload from its event to the end of its execution. */
export function simulateUploads(run: UploadRun): UploadOutcome {
  return new Uploads(run).outcome()
}

class Uploads {
  readonly #run: UploadRun
  readonly #simulation = new Simulation()
  readonly #account: LambdaAccount
  readonly #functions = new Map<string, LambdaFunction>()
  readonly #starts: TokenBucket
  readonly #transitions: TokenBucket
  readonly #durations: number[] = []
  #uploads = 0
  #failed = 0
  #timedOut = 0
  #undelivered = 0
  #refusedStarts = 0
  #invocations = 0
  #longestTransition = 0
  #open = 0
  #peakExecutions = 0
  #lastEnd = 0

  constructor(run: UploadRun) {
    this.#run = run
    const { limits, states } = run
    this.#account = new LambdaAccount(limits.functions)
    this.#starts = new TokenBucket(this.#simulation, limits.starts)
    this.#transitions = new TokenBucket(this.#simulation, limits.transitions)
    for (const { branches } of states) {
      for (const { function: name } of branches.flat()) {
        const made = new LambdaFunction(this.#simulation, this.#account, limits.scaling)
        this.#functions.set(name, made)
      }
    }
  }

  outcome(): UploadOutcome {
    this.#nextUpload()
    this.#simulation.run()
    const durations = Float64Array.from(this.#durations).sort()
    const quantile = (share: number) => durations[Math.ceil(share * durations.length) - 1] ?? 0
    return {
      uploads: this.#uploads,
      succeeded: durations.length,
      failed: this.#failed,
      timedOut: this.#timedOut,
      undelivered: this.#undelivered,
      seconds: this.#lastEnd,
      median: quantile(0.5),
      p99: quantile(0.99),
      refusedStarts: this.#refusedStarts,
      throttled: [...this.#functions.values()].reduce((sum, { throttles }) => sum + throttles, 0),
      invocations: this.#invocations,
      longestTransition: this.#longestTransition,
      peakFunctions: this.#account.peak,
      peakExecutions: this.#peakExecutions,
    }
  }

  #nextUpload(): void {
    const { rate, seconds, random } = this.#run
    const pause = -Math.log(1 - random()) / rate
    if (this.#simulation.now + pause > seconds) return
    this.#simulation.after(pause, () => {
      this.#uploads++
      this.#deliver({ at: this.#simulation.now, attempts: 0 })
      this.#nextUpload()
    })
  }

  /** EventBridge calls StartExecution until it is taken or the time for it is over. */
  #deliver(event: { readonly at: number; attempts: number }): void {
    const { limits, delivery, random } = this.#run
    if (this.#open < limits.openExecutions && this.#starts.take()) {
      this.#peakExecutions = Math.max(this.#peakExecutions, ++this.#open)
      const execution = { uploadedAt: event.at, startedAt: this.#simulation.now, isOver: false }
      return this.#enter(execution, 0)
    }
    this.#refusedStarts++
    const pause = pauseBefore(++event.attempts, delivery, random)
    const isTooLate = this.#simulation.now + (pause ?? 0) - event.at > delivery.seconds
    if (pause === undefined || isTooLate) this.#undelivered++
    else this.#simulation.after(pause, () => this.#deliver(event))
  }

  #enter(execution: Execution, at: number): void {
    const state = this.#run.states[at]
    if (state === undefined) return this.#end(execution, 'succeeded')
    this.#transit(state.transitions, () => this.#begin(execution, at, state))
  }

  #transit(transitions: number, entered: () => void): void {
    const asked = this.#simulation.now
    this.#transitions.whenTaken(transitions, () => {
      this.#longestTransition = Math.max(this.#longestTransition, this.#simulation.now - asked)
      entered()
    })
  }

  #begin(execution: Execution, at: number, { branches, concurrency }: SimulatedState): void {
    if (execution.isOver) return
    const { executionSeconds } = this.#run.limits
    if (this.#simulation.now - execution.startedAt > executionSeconds) {
      return this.#end(execution, 'timedOut')
    }
    if (branches.length === 0) return this.#enter(execution, at + 1)
    let begun = 0
    let left = branches.length
    const next = () => {
      const branch = branches[begun++]
      if (branch === undefined) return
      this.#runBranch(execution, branch, 0, () => {
        if (--left === 0) this.#enter(execution, at + 1)
        else next()
      })
    }
    for (let place = 0; place < Math.min(concurrency, branches.length); place++) next()
  }

  #runBranch(
    execution: Execution,
    branch: readonly Invocation[],
    at: number,
    done: () => void,
  ): void {
    const invocation = branch[at]
    if (invocation === undefined) return done()
    this.#invoke(execution, invocation, 0, () => this.#runBranch(execution, branch, at + 1, done))
  }

  #invoke(execution: Execution, invocation: Invocation, throttles: number, done: () => void): void {
    if (execution.isOver) return
    const { limits, random } = this.#run
    const called = this.#functions.get(invocation.function)!
    const beginning = called.begin()
    if (beginning === 'throttled') {
      const pause = pauseBefore(throttles + 1, invocation.throttled, random)
      if (pause === undefined) {
        return invocation.isOptional ? done() : this.#end(execution, 'failed')
      }
      const again = () => this.#invoke(execution, invocation, throttles + 1, done)
      // A retry is a transition too.
      return this.#simulation.after(pause, () => this.#transit(1, again))
    }
    this.#invocations++
    const seconds = invocation.seconds * Math.exp(spread * normal(random))
    this.#simulation.after(limits.start[beginning] + seconds, () => {
      called.end()
      done()
    })
  }

  #end(execution: Execution, how: 'succeeded' | 'failed' | 'timedOut'): void {
    execution.isOver = true
    this.#open--
    this.#lastEnd = this.#simulation.now
    if (how === 'failed') this.#failed++
    else if (how === 'timedOut') this.#timedOut++
    else this.#durations.push(this.#simulation.now - execution.uploadedAt)
  }
}

interface Execution {
  readonly uploadedAt: number
  readonly startedAt: number
  isOver: boolean
}

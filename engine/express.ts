import { randomUUID } from 'node:crypto'
import type * as api from './api-types.ts'
import type { Data } from './data.ts'
import { type Execution, newExecution } from './execution.ts'
import { Runner, type RunnerServices } from './runner.ts'
import type { Origin, StateMachines } from './state-machines.ts'
import type { StateMachineRow } from './store.ts'
import { closedError } from './waiters.ts'

/** What an Express execution is started with, checked. */
export interface ExpressStart {
  readonly machine: StateMachineRow
  readonly name: string
  /** As it was given. */
  readonly text: string
  readonly input: Data
}

/**
 * Runs executions of EXPRESS state machines: in memory, without a history or a status that could be
 * asked for, and not again after a crash.
 */
export class ExpressExecutions {
  readonly #stateMachines: StateMachines
  readonly #origin: Origin
  readonly #newRunner: (execution: Execution) => Runner
  readonly #running = new Map<Runner, PromiseWithResolvers<Execution>>()
  #lastId = 0

  constructor(
    services: Omit<RunnerServices, 'commit' | 'committed' | 'failed'>,
    stateMachines: StateMachines,
    origin: Origin,
    onError: (error: unknown, executionArn: string) => void,
  ) {
    this.#stateMachines = stateMachines
    this.#origin = origin
    const own: RunnerServices = {
      ...services,
      commit: () => undefined,
      committed: (runner) => {
        if (!runner.isRunning) this.#end(runner)
      },
      failed: (runner, error) => {
        onError(error, runner.execution.arn)
        this.#running.get(runner)?.reject(error)
        this.#running.delete(runner)
      },
    }
    this.#newRunner = (execution) => new Runner(execution, own)
  }

  start(start: ExpressStart): api.StartExecutionOutput {
    const { arn, startTime } = this.#run(start).execution
    return { executionArn: arn, startDate: new Date(startTime) }
  }

  async startSync(start: ExpressStart): Promise<api.StartSyncExecutionOutput> {
    const runner = this.#run(start)
    return describe(await this.#running.get(runner)!.promise, start)
  }

  /** Ends all of them without an outcome. */
  close(): void {
    for (const [runner, { reject }] of this.#running) {
      runner.close()
      reject(closedError())
    }
    this.#running.clear()
  }

  #run({ machine, name, input }: ExpressStart): Runner {
    const { region, account } = this.#origin
    const identity = {
      id: ++this.#lastId,
      arn: `arn:aws:states:${region}:${account}:express:${machine.name}:${name}:${randomUUID()}`,
      name,
      type: 'EXPRESS',
      stateMachineArn: machine.arn,
      stateMachineName: machine.name,
      roleArn: machine.roleArn,
    } as const
    const execution = newExecution(identity, this.#stateMachines.machine(machine.digest))
    const runner = this.#newRunner(execution)
    const ended = Promise.withResolvers<Execution>()
    // No one may be waiting for it.
    ended.promise.catch(() => undefined)
    this.#running.set(runner, ended)
    runner.begin(input)
    return runner
  }

  #end(runner: Runner): void {
    this.#running.get(runner)?.resolve(runner.execution)
    this.#running.delete(runner)
  }
}

/** Milliseconds, and megabytes, that are billed as one. */
const billedSteps = { duration: 100, memory: 64 }

function describe(execution: Execution, start: ExpressStart): api.StartSyncExecutionOutput {
  const { status, output, error, cause, startTime, stopTime = startTime } = execution
  const steps = Math.max(1, Math.ceil((stopTime - startTime) / billedSteps.duration))
  return {
    executionArn: execution.arn,
    stateMachineArn: execution.stateMachineArn,
    name: execution.name,
    startDate: new Date(startTime),
    stopDate: new Date(stopTime),
    status: status as api.StartSyncExecutionOutput['status'],
    input: start.text,
    inputDetails: { included: true },
    ...(output === undefined ? {} : { output: output.text, outputDetails: { included: true } }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    billingDetails: {
      billedMemoryUsedInMB: billedSteps.memory,
      billedDurationInMilliseconds: steps * billedSteps.duration,
    },
  }
}

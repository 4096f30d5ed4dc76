import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import type { AnyTask } from '../../tasks/task.ts'
import { MillraceError, type Logger } from '../ports/index.ts'
import { powertoolsLogger } from './function-logger.ts'
import { functionRuntime, type FunctionRuntime } from './function-runtime.ts'
import { invokeLogged } from './invocation.ts'
import { redactedText } from './redaction.ts'

/** The variables that tell a container what to do: a task's name, and its input as JSON. */
export const containerVariables = {
  task: 'MILLRACE_TASK',
  input: 'MILLRACE_TASK_INPUT',
} as const

/** What a container ends with. */
export const exitCodes = {
  done: 0,
  /** It may be tried again. */
  failed: 1,
  /** What it was given is wrong, and will be so again. */
  invalid: 2,
  /** As shells tell of SIGTERM: 128 and its number. */
  terminated: 143,
} as const

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/**
 * The program of a container: runs the task that the environment names, once, and ends. The task has a
 * thread of its own, so that a signal ends it at once, in the middle of its arithmetic too: it writes
 * whole objects alone and under conditions, and so may run again.
 *
 * @param module `import.meta.url` of the program
 */
export async function runContainer(tasks: readonly AnyTask[], module: string): Promise<void> {
  if (isMainThread) {
    process.exitCode = await supervised(new Worker(new URL(module)), powertoolsLogger())
    // To end by itself would take the handlers of signals away some time before the end.
    process.once('beforeExit', () => process.exit())
  } else {
    parentPort!.postMessage(await runTaskOf(process.env, tasks))
  }
}

/** Runs the task that an environment names, and tells how it went in the log. Never throws. */
export async function runTaskOf(
  environment: Readonly<Record<string, string | undefined>>,
  tasks: readonly AnyTask[],
  runtime: () => FunctionRuntime = functionRuntime,
): Promise<ExitCode> {
  let running: FunctionRuntime | undefined
  try {
    running = runtime()
    const { task, input } = readTask(environment, tasks)
    await invokeLogged(task, input, running, new AbortController().signal)
    return exitCodes.done
  } catch (error) {
    tellFailure(running?.logger ?? powertoolsLogger(), error)
    return invalidNames.has((error as Error).name) ? exitCodes.invalid : exitCodes.failed
  } finally {
    running?.metrics.flush()
  }
}

/** Waits for the thread of the task, and ends it when the container is to end. */
async function supervised(worker: Worker, logger: Logger): Promise<ExitCode> {
  const { promise, resolve } = Promise.withResolvers<ExitCode>()
  let code: ExitCode | undefined
  let isTold = false
  const end = (signal: NodeJS.Signals) => {
    if (isTold) return
    isTold = true
    logger.warn('the container is ended before its task', { signal })
    void worker.terminate()
  }
  // Not once: a signal that comes again would end the process by its default, with another code.
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  worker.on('message', (answer: ExitCode) => (code = answer))
  worker.on('error', (error) => tellFailure(logger, error))
  worker.on('exit', () => resolve(code ?? (isTold ? exitCodes.terminated : exitCodes.failed)))
  return promise
}

const invalidNames: ReadonlySet<string> = new Set(['TaskInputInvalid', 'SettingsInvalid'])

/** @throws MillraceError SettingsInvalid, TaskInputInvalid. */
function readTask(
  environment: Readonly<Record<string, string | undefined>>,
  tasks: readonly AnyTask[],
): { task: AnyTask; input: unknown } {
  const name = environment[containerVariables.task] ?? ''
  const task = tasks.find((one) => one.name === name)
  if (task === undefined) {
    throw new MillraceError(
      'SettingsInvalid',
      `${containerVariables.task} is one of ${tasks.map((one) => one.name).join(', ')}; found "${name}"`,
    )
  }
  const text = environment[containerVariables.input] ?? ''
  try {
    return { task, input: JSON.parse(text) }
  } catch (cause) {
    const message = `${name}: ${containerVariables.input} is no JSON, of ${text.length} characters`
    throw new MillraceError('TaskInputInvalid', message, { cause })
  }
}

function tellFailure(logger: Logger, error: unknown): void {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  logger.error('the container failed', { error: redactedText(name), reason: redactedText(message) })
}

import { Command, CommanderError } from 'commander'
import { addBatch } from './commands/batch.ts'
import { addDemo } from './commands/demo.ts'
import { addDeploy } from './commands/deploy.ts'
import { addDestroy } from './commands/destroy.ts'
import { addDev } from './commands/dev.ts'
import { addDrift } from './commands/drift.ts'
import { addExecutions } from './commands/executions.ts'
import { addKeys } from './commands/keys.ts'
import { addModels } from './commands/models.ts'
import { addPlan } from './commands/plan.ts'
import { addPlans } from './commands/plans.ts'
import { addPredict } from './commands/predict.ts'
import { addPut } from './commands/put.ts'
import { addQueue } from './commands/queue.ts'
import { addReport } from './commands/report.ts'
import { addUsage } from './commands/usage.ts'
import { addUsers } from './commands/users.ts'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import type { Run } from './options.ts'
import { tellError } from './tell-error.ts'
import type { Terminal } from './terminal.ts'
import { codeVersion } from '../tasks/code-version.ts'

/**
 * The `millrace` command in a process: runs one command line on its terminal and answers the exit
 * code. A first Ctrl-C ends the command cleanly, a second one at once.
 */
export async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController()
  const onSignal = () => {
    if (interrupt.signal.aborted) process.exit(exitCodes.interrupted)
    interrupt.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  process.stdout.on('error', ignoreClosedPipe)
  try {
    const { stdin, stdout, stderr } = process
    const terminal = { in: stdin, out: stdout, err: stderr, signal: interrupt.signal }
    return await runCommand(args, terminal)
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/** Runs one command line on a terminal, tells its error there and answers its exit code. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const run: Run = { terminal, exitCode: exitCodes.success }
  try {
    await createProgram(run).parseAsync(args, { from: 'user' })
    return terminal.signal.aborted ? exitCodes.interrupted : run.exitCode
  } catch (error) {
    if (terminal.signal.aborted) return exitCodes.interrupted
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.success : exitCodes.usage
    }
    tellError(terminal, error)
    return exitCodeOf(error)
  }
}

function createProgram(run: Run): Command {
  const program = new Command('millrace')
    .description(
      'Event-driven machine learning on Step Functions: drop a .npy, get a served model.',
    )
    .version(codeVersion)
    // Behind a command its own --version is meant.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => run.terminal.out.write(text),
      writeErr: (text) => run.terminal.err.write(text),
    })
    .showSuggestionAfterError()
    .showHelpAfterError('(millrace --help tells more)')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace demo                                   the whole loop on the Iris data, in seconds
  $ millrace dev                                    the platform, until Ctrl-C
  $ millrace plan iris.npy                          what a training will take and cost
  $ millrace put iris.npy --user ada                uploads it, which starts a training
  $ millrace executions --watch                     shows it
  $ millrace predict ada/iris 6.5,2.8,4.6,1.5       asks the model
  $ millrace batch ada/iris flowers.csv             asks it about all rows of a file
  $ millrace report ada/iris                        a page about how the model did
  $ millrace dev --auth                             takes requests with a key alone
  $ millrace users add ada                          adds a user, and millrace keys create ada a key
  $ millrace deploy --stack Millrace                the same on AWS; then every command takes
  $ millrace put iris.npy --stack Millrace          --stack (or MILLRACE_STACK)

Exit codes: 0 done, 1 fault, 2 usage, 3 no platform running or no such stack, 4 data rejected,
5 execution failed, 6 not found, 7 request refused, 8 data directory or port in use,
130 interrupted.`,
    )
  const adders = [
    addDemo,
    addDev,
    addPlan,
    addPut,
    addExecutions,
    addModels,
    addPredict,
    addBatch,
    addDrift,
    addReport,
  ]
  const operating = [addUsers, addKeys, addPlans, addUsage, addQueue]
  for (const add of [...adders, ...operating, addDeploy, addDestroy]) {
    add(program, run)
  }
  for (const command of program.commands) {
    for (const one of [command, ...command.commands]) {
      const name = one === command ? command.name() : `${command.name()} ${one.name()}`
      one
        .exitOverride()
        .copyInheritedSettings(program)
        .showHelpAfterError(`(millrace ${name} --help tells more)`)
    }
  }
  return program
}

/** `millrace … | head` closes the pipe early; that is no fault. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCodes.success)
}

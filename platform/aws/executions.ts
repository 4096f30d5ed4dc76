import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  RedriveExecutionCommand,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn'
import { MillraceError, type ErrorName } from '../ports/errors.ts'
import {
  checkExecutionHistory,
  checkExecutionList,
  checkExecutionName,
  checkStopReason,
  executionInput,
} from '../ports/execution-requests.ts'
import type { Execution, Executions } from '../ports/executions.ts'
import type { Json } from '../ports/json.ts'
import { asked, portError } from './errors.ts'
import { historyEvents } from './executions-history.ts'
import { listPage } from './executions-list.ts'
import { summaryOf } from './executions-summary.ts'

export interface StepFunctionsOptions {
  readonly client: SFNClient
  /** ARNs of state machines by the names of their workflows. */
  readonly stateMachines: Readonly<Record<string, string>>
}

/**
 * The executions port on Step Functions. Its answers are eventually consistent: `describe` and `list`
 * may be a moment behind what was started, stopped or redriven.
 */
export function stepFunctionsExecutions({
  client,
  stateMachines,
}: StepFunctionsOptions): Executions {
  const described = async (workflow: string, name: string): Promise<Execution> => {
    const executionArn = executionArnOf(stateMachines, workflow, name)
    return executionOf(workflow, await describe(client, executionArn))
  }

  return {
    async start({ workflow, name, input }) {
      checkExecutionName(name)
      const text = executionInput(input)
      const stateMachineArn = stateMachineArnOf(stateMachines, workflow)
      const command = new StartExecutionCommand({ stateMachineArn, name, input: text })
      try {
        const { startDate } = await client.send(command)
        return {
          workflow,
          name,
          status: 'RUNNING',
          startDate: startDate!.toISOString(),
          redriveCount: 0,
          input: JSON.parse(text) as Json,
        }
      } catch (error) {
        if ((error as Error).name !== 'ExecutionAlreadyExists') {
          throw portError(`starting the execution ${name} of ${workflow}`, error, errorNames)
        }
        return theSame(await described(workflow, name), text, error)
      }
    },

    describe: described,

    async list(options = {}) {
      const { workflow, status, cursor } = options
      const { limit, scope } = checkExecutionList(options)
      const machines =
        workflow === undefined
          ? stateMachines
          : { [workflow]: stateMachineArnOf(stateMachines, workflow) }
      return listPage({ client, machines, status, cursor, limit, scope })
    },

    async history(workflow, name, options = {}) {
      const { after, limit } = checkExecutionHistory(options)
      const executionArn = executionArnOf(stateMachines, workflow, name)
      return historyEvents({ client, executionArn, after, limit })
    },

    async stop(workflow, name, reason = {}) {
      checkStopReason(reason)
      const executionArn = executionArnOf(stateMachines, workflow, name)
      const { error, cause } = reason
      const command = new StopExecutionCommand({ executionArn, error, cause })
      try {
        await client.send(command)
      } catch (refusal) {
        // An execution that has ended stays as it is, whether or not the service says so.
        const isRefused = (refusal as Error).name === 'ValidationException'
        if (isRefused && (await described(workflow, name)).status !== 'RUNNING') return
        throw portError(`stopping the execution ${name}`, refusal, errorNames)
      }
    },

    async redrive(workflow, name) {
      const executionArn = executionArnOf(stateMachines, workflow, name)
      const command = new RedriveExecutionCommand({ executionArn })
      await asked(`redriving the execution ${name}`, client.send(command), errorNames)
    },
  }
}

/** The service's errors under the names of the port. */
const errorNames: Readonly<Record<string, ErrorName>> = {
  ExecutionDoesNotExist: 'ExecutionNotFound',
  ExecutionNotRedrivable: 'ExecutionConflict',
  InvalidExecutionInput: 'ItemInvalid',
  InvalidName: 'NameInvalid',
  StateMachineDeleting: 'WorkflowNotFound',
  StateMachineDoesNotExist: 'WorkflowNotFound',
}

function describe(client: SFNClient, executionArn: string): Promise<DescribeExecutionOutput> {
  const command = new DescribeExecutionCommand({ executionArn })
  return asked(`describing ${executionArn}`, client.send(command), errorNames)
}

/** The execution that has the name, when it is the one that was to be started. */
function theSame(found: Execution, input: string, error: unknown): Execution {
  const { workflow, name, status } = found
  if (status === 'RUNNING' && JSON.stringify(found.input) === input) return found
  throw new MillraceError(
    'ExecutionConflict',
    `the execution ${name} of ${workflow} exists already: it is ${status}` +
      (status === 'RUNNING' ? ' with another input' : ''),
    { cause: error },
  )
}

function stateMachineArnOf(
  stateMachines: Readonly<Record<string, string>>,
  workflow: string,
): string {
  const arn = Object.hasOwn(stateMachines, workflow) ? stateMachines[workflow] : undefined
  if (arn !== undefined) return arn
  throw new MillraceError(
    'WorkflowNotFound',
    `there is no workflow ${JSON.stringify(workflow)}; there are ` +
      Object.keys(stateMachines).join(', '),
  )
}

/** An execution's ARN has the name of its state machine, whatever its workflow is called. */
function executionArnOf(
  stateMachines: Readonly<Record<string, string>>,
  workflow: string,
  name: string,
): string {
  const parts = stateMachineArnOf(stateMachines, workflow).split(':')
  if (!isPossibleName(name)) {
    throw new MillraceError(
      'ExecutionNotFound',
      `no execution of ${workflow} has the name ${JSON.stringify(name)}`,
    )
  }
  return [...parts.slice(0, 5), 'execution', parts[6], name].join(':')
}

/**
 * What the service itself takes as the name of an execution: more than `start` does, since others may
 * have started it.
 */
function isPossibleName(name: string): boolean {
  return (
    name.length >= 1 && name.length <= 80 && !/[\s\p{Cc}\p{Cs}<>{}[\]?*"#%\\^|~`$&,;:/]/u.test(name)
  )
}

function executionOf(workflow: string, found: DescribeExecutionOutput): Execution {
  const { input, output, error, cause } = found
  return {
    ...summaryOf(workflow, found),
    input: input === undefined ? null : (JSON.parse(input) as Json),
    ...(output === undefined ? {} : { output: JSON.parse(output) as Json }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  }
}

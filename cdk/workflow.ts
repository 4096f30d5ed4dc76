import { readFileSync } from 'node:fs'
import { Duration, Stack } from 'aws-cdk-lib'
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch'
import { LambdaFunction as LambdaTarget, SfnStateMachine } from 'aws-cdk-lib/aws-events-targets'
import { Role, ServicePrincipal, type Grant, type IGrantable } from 'aws-cdk-lib/aws-iam'
import type { IFunction, IVersion } from 'aws-cdk-lib/aws-lambda'
import { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import {
  DefinitionBody,
  LogLevel,
  StateMachine,
  StateMachineType,
} from 'aws-cdk-lib/aws-stepfunctions'
import { Construct } from 'constructs'
import { executionEndedPattern, validatePattern, type EventPattern } from '../events/index.ts'
import { WorkflowError } from '../workflows/errors.ts'
import { placeholderFaults } from '../workflows/workflow.ts'
import { acknowledge, acknowledgeWildcards, allow } from './acknowledge.ts'
import { executionAlarms } from './alarms.ts'
import { allowEndsOfContainers } from './container-training.ts'
import {
  allowMapRuns,
  distributedMaps,
  mapKeyFaults,
  type DistributedMap,
} from './distributed-maps.ts'
import { platformFunction, type PlatformFunctionProps } from './functions.ts'
import { serviceLogGroup } from './logs.ts'
import type { PlatformResources } from './platform-resources.ts'
import { busOf, eventRule, ofPlatform, untilDelivered } from './rules.ts'
import { taskTimeouts } from './task-timeouts.ts'

/**
 * A task's function: made from its code, or one that is there. Give a `Function` of your own
 * `currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN }`, so that running executions keep
 * the versions that they began with.
 */
export type TaskFunction = PlatformFunctionProps | IFunction

export interface WorkflowProps {
  /** The platform whose ports the tasks use. */
  readonly platform: PlatformResources
  /**
   * The workflow's name, 1 to 80 letters, digits, `-` and `_`. The state machine is named
   * `<platformName>-<name>`, which has at most 80 as well.
   */
  readonly name: string
  /** Path of the `.asl.json` file. It goes into the template as it stands, byte for byte. */
  readonly definitionFile: string
  /** A function for each `"FunctionName": "${Name}"` of the definition, by its name. */
  readonly tasks: Readonly<Record<string, TaskFunction>>
  /**
   * What stands for each other `"${Name}"` of the definition, by its name.
   *
   * @default - the definition has no other
   */
  readonly substitutions?: Readonly<Record<string, string>>
  /**
   * Events that start an execution, whose input is the whole event. A pattern of S3's events that
   * names no bucket is kept to the platform's own.
   *
   * @default - executions start by request only
   */
  readonly trigger?: EventPattern
  /**
   * Keys of the platform's bucket from which distributed Maps read their items, as `sales/*`.
   *
   * @default - the items are in the state's input
   */
  readonly itemReaderKeys?: string
  /**
   * Keys of the platform's bucket to which distributed Maps write their results, as `sales/*`.
   *
   * @default - none is written
   */
  readonly resultWriterKeys?: string
  /**
   * Runs when an execution has ended, however it ended (also stopped or timed out), with the Step
   * Functions Execution Status Change event as its input: at least once.
   *
   * @default - nothing
   */
  readonly onExecutionEnd?: TaskFunction
}

/**
 * A state machine from its definition file, with the functions of its tasks, on a platform.
 *
 * A definition names published versions of the functions, which stay when newer ones are deployed: a
 * running execution never changes its code.
 */
export class Workflow extends Construct {
  readonly name: string
  readonly stateMachine: StateMachine
  /** What the state machine may do. */
  readonly role: Role
  /** The functions of the tasks, by their names. */
  readonly functions: Readonly<Record<string, IFunction>>

  /**
   * @throws WorkflowError for a name, a placeholder, a pattern or a timeout that does not fit; lists
   * every fault.
   */
  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id)
    const { platform, name, definitionFile, trigger, onExecutionEnd } = props
    const text = readFileSync(definitionFile, 'utf8')
    const { timeouts, maps } = checkedDefinition(props, text)
    platform.workflows.add(name)
    this.name = name

    this.functions = Object.fromEntries(
      Object.entries(props.tasks).map(([task, source]) => [
        task,
        functionOf(this, task, source, platform, timeouts.get(task)),
      ]),
    )
    const versions = Object.entries(this.functions).map(
      ([task, made]) => [task, versionOf(made)] as const,
    )
    const role = stateMachineRole(this, platform, Object.values(this.functions))
    this.role = role
    allowEndsOfContainers(role, text)
    allowMapRuns(role, maps, name, platform, props)
    this.stateMachine = new StateMachine(this, 'StateMachine', {
      stateMachineName: platform.workflows.stateMachineName(name),
      stateMachineType: StateMachineType.STANDARD,
      role,
      definitionBody: DefinitionBody.fromString(text),
      definitionSubstitutions: {
        ...Object.fromEntries(versions.map(([task, { functionArn }]) => [task, functionArn])),
        ...props.substitutions,
      },
      tracingEnabled: true,
      logs: {
        destination: serviceLogGroup(this, 'Logs', `states/${name}`, platform),
        level: LogLevel.ERROR,
        includeExecutionData: false,
      },
    })
    acknowledge(
      this.stateMachine,
      'AwsSolutions-SF1',
      'Step Functions keeps the history of every execution for 90 days; the log is for errors.',
    )
    acknowledgeWildcards(
      role,
      ['*'],
      'Delivery of logs and of traces has no resources to be limited to.',
    )
    executionAlarms(this, platform.alarmTopic, this)

    if (trigger !== undefined) {
      eventRule(this, 'Trigger', {
        pattern: ofPlatform(trigger, platform),
        bus: busOf(this, 'TriggerBus', trigger, platform),
        description: `Starts ${platform.platformName}'s workflow ${name}`,
        target: new SfnStateMachine(this.stateMachine, untilDelivered(platform)),
      })
    }
    if (onExecutionEnd !== undefined) {
      const ended = executionEndedPattern(this.stateMachine.stateMachineArn)
      eventRule(this, 'ExecutionEnd', {
        pattern: ended,
        bus: busOf(this, 'ExecutionEndBus', ended, platform),
        description: `Ends of executions of ${platform.platformName}'s workflow ${name}`,
        target: new LambdaTarget(
          functionOf(this, 'OnExecutionEnd', onExecutionEnd, platform),
          untilDelivered(platform),
        ),
      })
    }
  }

  /** Lets someone start executions, and follow them. */
  grantStart(grantee: IGrantable): Grant {
    this.stateMachine.grantExecution(grantee, 'states:DescribeExecution')
    return this.stateMachine.grantStartExecution(grantee)
  }

  /** Executions that failed, which can be redriven. */
  metricFailed(options?: MetricOptions): Metric {
    return this.stateMachine.metricFailed({ statistic: 'Sum', ...options })
  }

  /** Executions that took longer than the definition's `TimeoutSeconds`. */
  metricTimedOut(options?: MetricOptions): Metric {
    return this.stateMachine.metricTimedOut({ statistic: 'Sum', ...options })
  }

  /** Executions that were stopped. */
  metricAborted(options?: MetricOptions): Metric {
    return this.stateMachine.metricAborted({ statistic: 'Sum', ...options })
  }

  metricSucceeded(options?: MetricOptions): Metric {
    return this.stateMachine.metricSucceeded({ statistic: 'Sum', ...options })
  }

  metricStarted(options?: MetricOptions): Metric {
    return this.stateMachine.metricStarted({ statistic: 'Sum', ...options })
  }

  /** Milliseconds from start to end. */
  metricDuration(options?: MetricOptions): Metric {
    return this.stateMachine.metricTime(options)
  }
}

/** What a definition asks of its role and its functions. */
interface CheckedDefinition {
  /** The seconds that it gives each task. */
  readonly timeouts: ReadonlyMap<string, number>
  readonly maps: readonly DistributedMap[]
}

/** Throws for what does not fit together. */
function checkedDefinition(props: WorkflowProps, text: string): CheckedDefinition {
  const { platform, name, tasks, trigger, definitionFile } = props
  const faults: string[] = []
  const machine = platform.workflows.stateMachineName(name)
  if (!/^[A-Za-z0-9_-]+$/.test(name) || machine.length > 80) {
    faults.push(
      `the state machine's name is 1 to 80 letters, digits, "-" and "_"; found "${machine}"`,
    )
  }
  const definition = parsed(text, name, definitionFile)
  const { substitutions = {} } = props
  faults.push(...placeholderFaults(definition, Object.keys(tasks), Object.keys(substitutions)))
  const timeouts = taskTimeouts(definition)
  for (const [task, source] of Object.entries(tasks)) {
    const given = 'timeout' in source ? source.timeout : undefined
    const state = timeouts.get(task)
    if (given !== undefined && state !== undefined && given.toSeconds() > state) {
      faults.push(
        `the function of ${task} may run for ${given.toSeconds()} seconds, and its state gives up after ${state}`,
      )
    }
  }
  if (trigger !== undefined) {
    try {
      validatePattern(trigger)
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  const maps = distributedMaps(definition)
  faults.push(...mapKeyFaults(maps, props))
  if (faults.length > 0) throw new WorkflowError(name, faults)
  return { timeouts, maps }
}

function parsed(text: string, name: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new WorkflowError(name, [`${file} is not JSON: ${(error as Error).message}`])
  }
}

/** The most seconds that Lambda gives a call. */
const maxTimeout = 900

function functionOf(
  scope: Construct,
  id: string,
  source: TaskFunction,
  platform: PlatformResources,
  stateSeconds = 60,
): IFunction {
  if (isFunction(source)) return source
  const timeout = Duration.seconds(Math.min(stateSeconds, maxTimeout))
  return platformFunction(scope, id, platform, { timeout, ...source })
}

function isFunction(source: TaskFunction): source is IFunction {
  return 'functionArn' in source
}

/** What a definition names: the published version where the function is of this app. */
function versionOf(made: IFunction): IFunction | IVersion {
  return made instanceof LambdaFunction ? made.currentVersion : made
}

/**
 * May invoke the functions of this workflow alone, and of those made here published versions alone.
 * All of them: an execution goes on with the versions that it began with, also after a newer
 * definition names newer ones.
 */
function stateMachineRole(
  scope: Construct,
  platform: PlatformResources,
  functions: readonly IFunction[],
): Role {
  const { account } = Stack.of(scope)
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('states.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
    description: `${platform.platformName}: the state machine of ${scope.node.id}`,
  })
  allow(
    role,
    {
      actions: ['lambda:InvokeFunction'],
      resources: functions.map((made) =>
        made instanceof LambdaFunction ? `${made.functionArn}:*` : made.functionArn,
      ),
    },
    'The published versions of one function, since a running execution goes on with those that it began with.',
  )
  return role
}

import { ArnFormat, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib'
import {
  Peer,
  Port,
  SecurityGroup,
  type ISecurityGroup,
  type IVpc,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2'
import {
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { acknowledge, acknowledgeWildcards, allow } from './acknowledge.ts'
import { platformEnvironment, prebuiltBundle } from './functions.ts'
import { grantUses } from './permissions.ts'
import type { PlatformResources } from './platform-resources.ts'
import { taskUses } from './uses.ts'

/** Where trainings run that are beyond a function: tasks of Fargate, which cost while they run alone. */
export interface ContainerTrainingOptions {
  /** The network of the tasks, from which they must reach S3, ECR and CloudWatch Logs. */
  readonly vpc: IVpc
  /**
   * The subnets of the tasks.
   *
   * @default - private ones with a way out, else the others
   */
  readonly vpcSubnets?: SubnetSelection
  /**
   * Whether tasks have a public address, which they need in public subnets without endpoints.
   *
   * @default false
   */
  readonly assignPublicIp?: boolean
  /**
   * The security groups of the tasks.
   *
   * @default - one that lets HTTPS out, and nothing in
   */
  readonly securityGroups?: readonly ISecurityGroup[]
  /**
   * Units of processor of a task, 1024 a processor. A fit is one thread.
   *
   * @default 4096
   */
  readonly cpu?: number
  /**
   * Memory of a task in MiB: what Fargate has with so much processor.
   *
   * @default 30720
   */
  readonly memoryMiB?: number
  /**
   * Whether tasks run on spare capacity, for less, which AWS may take back: such a fit begins again.
   *
   * @default false
   */
  readonly spot?: boolean
  /**
   * The image of the tasks, for linux/arm64.
   *
   * @default - what `cdk deploy` builds by Docker of the bundle that comes with the package
   */
  readonly image?: ContainerImage
}

/** Seconds that the state gives a container, as `training.asl.json` says. */
export const containerSeconds = 36_000

/** What the training workflow runs a task of Fargate with: nothing is there while none runs. */
export class ContainerTraining extends Construct {
  /** Memory of a task. */
  readonly memoryMiB: number
  /** For the definition of the training workflow. */
  readonly substitutions: Readonly<Record<string, string>>
  readonly #cluster: Cluster
  readonly #taskDefinition: FargateTaskDefinition
  readonly #executionRole: Role
  readonly #taskRole: Role

  /**
   * @param functions the folder of the package's bundles
   * @throws Error for processor and memory that Fargate has not together.
   */
  constructor(
    scope: Construct,
    id: string,
    platform: PlatformResources,
    functions: string,
    options: ContainerTrainingOptions,
  ) {
    super(scope, id)
    const { vpc, cpu = 4096, memoryMiB = 30_720 } = options
    checkSize(cpu, memoryMiB)
    this.memoryMiB = memoryMiB
    this.#cluster = new Cluster(this, 'Cluster', {
      vpc,
      enableFargateCapacityProviders: true,
      containerInsightsV2: ContainerInsights.ENABLED,
    })
    this.#executionRole = this.#role('ExecutionRole', platform, 'starts the container of trainings')
    this.#taskRole = this.#role('TaskRole', platform, 'the container of trainings')
    grantUses(this.#taskRole, taskUses.Train, platform)
    const family = `${platform.platformName}-training`
    this.#taskDefinition = new FargateTaskDefinition(this, 'Task', {
      family,
      cpu,
      memoryLimitMiB: memoryMiB,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
      executionRole: this.#executionRole,
      taskRole: this.#taskRole,
    })
    // A running execution goes on with the revision that its definition names.
    this.#taskDefinition.applyRemovalPolicy(RemovalPolicy.RETAIN)
    const stack = Stack.of(this)
    this.#taskDefinition.addContainer('training', {
      image: options.image ?? ContainerImage.fromAsset(prebuiltBundle(functions, bundle)),
      environment: { ...platformEnvironment(platform, stack), AWS_REGION: stack.region },
      logging: LogDrivers.awsLogs({
        streamPrefix: 'training',
        logGroup: new LogGroup(this, 'Logs', {
          retention: platform.logRetention,
          removalPolicy: platform.removalPolicy,
        }),
      }),
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(30),
    })
    acknowledge(
      this.#taskDefinition,
      'AwsSolutions-ECS2',
      'The variables say where the platform is: none is a secret.',
    )
    acknowledgeWildcards(
      this.#executionRole,
      ['*'],
      'Reading the token of the registry has no resources to be limited to.',
    )
    this.substitutions = {
      TrainingCluster: this.#cluster.clusterArn,
      TrainingTaskDefinition: this.#taskDefinition.taskDefinitionArn,
      TrainingCapacityProvider: options.spot === true ? 'FARGATE_SPOT' : 'FARGATE',
      TrainingSubnets: Fn.join(',', vpc.selectSubnets(options.vpcSubnets).subnetIds),
      TrainingSecurityGroups: Fn.join(
        ',',
        (options.securityGroups ?? [this.#ownGroup(vpc)]).map((group) => group.securityGroupId),
      ),
      TrainingPublicIp: options.assignPublicIp === true ? 'ENABLED' : 'DISABLED',
    }
  }

  /** Lets a state machine run these tasks in this cluster, follow and stop them, and no others. */
  grantRun(role: Role): void {
    const stack = Stack.of(this)
    const { family } = this.#taskDefinition
    const arnOf = (resource: string, resourceName: string, arnFormat: ArnFormat) =>
      stack.formatArn({ service: 'ecs', resource, resourceName, arnFormat })
    allow(
      role,
      {
        actions: ['ecs:RunTask'],
        resources: [arnOf('task-definition', `${family}:*`, ArnFormat.SLASH_RESOURCE_NAME)],
        conditions: { ArnEquals: { 'ecs:cluster': this.#cluster.clusterArn } },
      },
      'The revisions of one task definition, since a running execution goes on with the one that it began with.',
    )
    allow(
      role,
      {
        actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
        resources: [arnOf('task', `${this.#cluster.clusterName}/*`, ArnFormat.SLASH_RESOURCE_NAME)],
      },
      'The tasks of one cluster, whose names are known at run time alone.',
    )
    allow(role, {
      actions: ['iam:PassRole'],
      resources: [this.#executionRole.roleArn, this.#taskRole.roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    })
  }

  #role(id: string, { platformName }: PlatformResources, is: string): Role {
    const { account } = Stack.of(this)
    return new Role(this, id, {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account } },
      }),
      description: `${platformName}: ${is}`,
    })
  }

  #ownGroup(vpc: IVpc): ISecurityGroup {
    const description = 'Containers of trainings: HTTPS to AWS, and nothing in'
    const group = new SecurityGroup(this, 'Group', { vpc, description, allowAllOutbound: false })
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'S3, ECR and CloudWatch Logs')
    return group
  }
}

/** What the definition has in the places of a container where there is none, and no state goes there. */
export const withoutContainer: ContainerTraining['substitutions'] = {
  TrainingCluster: 'none',
  TrainingTaskDefinition: 'none',
  TrainingCapacityProvider: 'FARGATE',
  TrainingSubnets: 'none',
  TrainingSecurityGroups: 'none',
  TrainingPublicIp: 'DISABLED',
}

/**
 * Lets a state machine whose definition waits for tasks of ECS be told of their ends. Step Functions
 * asks for it when it makes the state machine, whether or not such a state is ever entered.
 */
export function allowEndsOfContainers(role: Role, definition: string): void {
  if (!definition.includes(':ecs:runTask.sync"')) return
  const rule = { service: 'events', resource: 'rule', resourceName: managedRule }
  allow(role, {
    actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    resources: [Stack.of(role).formatArn(rule)],
  })
}

/** Step Functions makes and keeps it, one for all state machines of an account and region. */
const managedRule = 'StepFunctionsGetEventsForECSTaskRule'

const bundle = 'training-container'

/** Least and most MiB that Fargate has by units of processor, and the steps between them. */
const sizes: Readonly<Record<number, readonly [least: number, most: number, step: number]>> = {
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16384: [32_768, 122_880, 8192],
}

function checkSize(cpu: number, memoryMiB: number): void {
  const size = sizes[cpu]
  if (size === undefined) {
    throw new Error(
      `containerTraining: cpu is one of ${Object.keys(sizes).join(', ')}; found ${cpu}`,
    )
  }
  const [least, most, step] = size
  if (memoryMiB >= least && memoryMiB <= most && (memoryMiB - least) % step === 0) return
  throw new Error(
    `containerTraining: with cpu ${cpu} Fargate has ${least} to ${most} MiB in steps of ${step}; found memoryMiB ${memoryMiB}`,
  )
}

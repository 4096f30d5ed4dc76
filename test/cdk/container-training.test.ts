import { App, Stack } from 'aws-cdk-lib'
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2'
import { ContainerImage } from 'aws-cdk-lib/aws-ecs'
import { describe, expect, it } from 'vitest'
import { containerSeconds } from '../../cdk/container-training.ts'
import type { ContainerTrainingOptions } from '../../cdk/index.ts'
import { containerVariables } from '../../platform/aws/container.ts'
import { placesVariable, settingsVariables } from '../../platform/aws/settings.ts'
import trainingDefinition from '../../workflows/training.asl.json' with { type: 'json' }
import { listOf, ofType, statementsOf, synthesized, written, type Resource } from './synthesized.ts'

const network = new Stack(new App(), 'Network')
const vpc = Vpc.fromVpcAttributes(network, 'Vpc', {
  vpcId: 'vpc-0a1b2c3d',
  availabilityZones: ['a', 'b'],
  privateSubnetIds: ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'],
})

const synthesizedWith = (options: Partial<ContainerTrainingOptions> = {}) =>
  synthesized({ containerTraining: { vpc, ...options }, dashboard: false }).template

const template = synthesizedWith()
const only = (type: string, from = template): Resource => {
  const [[, found] = [], ...more] = Object.entries(ofType(from, type))
  expect(more).toEqual([])
  return found!
}
const placesOf = (from: typeof template) => {
  const functions = ofType(from, 'AWS::Lambda::Function')
  const given = Object.values(functions).flatMap(({ Properties }) => {
    const { Variables } = Properties['Environment'] as { Variables: Record<string, string> }
    return Variables[placesVariable] ?? []
  })
  // What plans a training, and what tells afterwards what the plan had no place for.
  expect(given).toHaveLength(2)
  expect(given[1]).toBe(given[0])
  return JSON.parse(given[0]!) as { name: string; memoryBytes: number; seconds: number }[]
}
const mebibyte = 1024 ** 2

describe('the places of trainings', () => {
  it('are the functions and the container that there are, as Validate and Evaluate are told', () => {
    const usual = { name: 'function', memoryBytes: 3008 * mebibyte, seconds: 900 }
    const container = {
      name: 'container',
      memoryBytes: 30_720 * mebibyte,
      seconds: containerSeconds,
    }
    expect(placesOf(template)).toEqual([usual, container])
    const { template: large } = synthesized({ largeTrainingMemorySize: 10_240, dashboard: false })
    expect(placesOf(large)).toEqual([
      usual,
      { name: 'large-function', memoryBytes: 10_240 * mebibyte, seconds: 900 },
    ])
  })

  it('give as long as the definition', () => {
    const { FitInContainer, Fit } = trainingDefinition.States.Train.ItemProcessor.States
    expect(FitInContainer.TimeoutSeconds).toBe(containerSeconds)
    expect(Fit.TimeoutSeconds).toBe(900)
    expect(trainingDefinition.TimeoutSeconds).toBeGreaterThan(containerSeconds + 3 * 900)
  })

  it('take a larger function that is larger', () => {
    expect(() => synthesized({ largeTrainingMemorySize: 3008 })).toThrow(/more than.*3008/)
  })
})

describe('the container', () => {
  const { Properties } = only('AWS::ECS::TaskDefinition')
  const [definition] = Properties['ContainerDefinitions'] as [Record<string, unknown>]

  it('is a task of Fargate on arm64, which nothing can write to', () => {
    expect(Properties).toMatchObject({
      Family: 'Millrace-training',
      Cpu: '4096',
      Memory: '30720',
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    })
    expect(definition).toMatchObject({ Name: 'training', ReadonlyRootFilesystem: true })
  })

  it('knows where the platform is, by the variables that its adapters read', () => {
    const names = (definition['Environment'] as { Name: string }[]).map(({ Name }) => Name)
    expect(names).toEqual(
      expect.arrayContaining([...Object.values(settingsVariables), 'AWS_REGION']),
    )
    const { FitInContainer } = trainingDefinition.States.Train.ItemProcessor.States
    const [override] = FitInContainer.Arguments.Overrides.ContainerOverrides
    expect(override!.Name).toBe(definition['Name'])
    expect(override!.Environment.map(({ Name }) => Name)).toEqual(Object.values(containerVariables))
  })

  it('keeps the revisions that executions may be about to run', () => {
    expect(only('AWS::ECS::TaskDefinition')).toMatchObject({
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    })
  })

  it('may do what Train may, and no more', () => {
    const allowed = (prefix: string) =>
      statementsOf(template, prefix)
        .filter(({ Action }) => !listOf(Action).some((action) => action.startsWith('logs:')))
        .map(({ Action, Resource }) => [listOf(Action), listOf(Resource).map(written)])
    expect(allowed('PlatformContainerTrainingTaskRole')).toEqual(
      allowed('PlatformTrainingTrainRole'),
    )
    const start = statementsOf(template, 'PlatformContainerTrainingExecutionRole')
    expect(start.flatMap(({ Action }) => listOf(Action)).sort()).toEqual([
      'ecr:BatchCheckLayerAvailability',
      'ecr:BatchGetImage',
      'ecr:GetAuthorizationToken',
      'ecr:GetDownloadUrlForLayer',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
    ])
  })

  it('lets nothing in, and HTTPS out', () => {
    const group = only('AWS::EC2::SecurityGroup').Properties
    expect(group).not.toHaveProperty('SecurityGroupIngress')
    expect(group['SecurityGroupEgress']).toMatchObject([{ FromPort: 443, ToPort: 443 }])
  })

  it('takes an image, groups, a size and spare capacity of yours', () => {
    const given = synthesizedWith({
      cpu: 16_384,
      memoryMiB: 122_880,
      spot: true,
      assignPublicIp: true,
      image: ContainerImage.fromRegistry('registry.example.com/training:1'),
      securityGroups: [SecurityGroup.fromSecurityGroupId(network, 'Group', 'sg-0a1b2c3d')],
    })
    expect(ofType(given, 'AWS::EC2::SecurityGroup')).toEqual({})
    expect(only('AWS::ECS::TaskDefinition', given).Properties).toMatchObject({
      Cpu: '16384',
      ContainerDefinitions: [{ Image: 'registry.example.com/training:1' }],
    })
    expect(substitutionsOf(given)).toMatchObject({
      TrainingCapacityProvider: 'FARGATE_SPOT',
      TrainingSubnets: 'subnet-0a1b2c3d,subnet-1a2b3c4d',
      TrainingSecurityGroups: 'sg-0a1b2c3d',
      TrainingPublicIp: 'ENABLED',
    })
  })

  it.each([
    [{ cpu: 512 }, /cpu is one of 1024, .*16384; found 512/],
    [{ memoryMiB: 40_960 }, /8192 to 30720 MiB.*found memoryMiB 40960/],
    [{ cpu: 8192, memoryMiB: 17_408 }, /steps of 4096/],
  ])('has a size that Fargate has: not %j', (size, message) => {
    expect(() => synthesizedWith(size)).toThrow(message)
  })
})

describe('the state machine', () => {
  const [machine] = Object.entries(ofType(template, 'AWS::StepFunctions::StateMachine')).filter(
    ([, { Properties }]) => Properties['StateMachineName'] === 'Millrace-training',
  )

  it('runs the container in its cluster and network', () => {
    const [cluster] = Object.keys(ofType(template, 'AWS::ECS::Cluster'))
    const [task] = Object.keys(ofType(template, 'AWS::ECS::TaskDefinition'))
    expect(substitutionsOf(template)).toMatchObject({
      TrainingCluster: { 'Fn::GetAtt': [cluster, 'Arn'] },
      TrainingTaskDefinition: { Ref: task },
      TrainingCapacityProvider: 'FARGATE',
      TrainingSubnets: 'subnet-0a1b2c3d,subnet-1a2b3c4d',
      TrainingPublicIp: 'DISABLED',
    })
    expect(machine).toBeDefined()
  })

  it('may run these tasks alone, in this cluster alone, with their roles', () => {
    const statements = statementsOf(template, 'PlatformTrainingRoleDefaultPolicy').filter(
      ({ Action }) => listOf(Action).some((action) => /^(ecs|iam|events):/.test(action)),
    )
    expect(
      statements.map(({ Action, Resource, ...rest }) => ({
        actions: listOf(Action),
        on: listOf(Resource).map((one) => written(one).replace(/^arn:.*:<AWS::AccountId>:/, '')),
        ...rest,
      })),
    ).toEqual([
      {
        actions: ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
        on: ['rule/StepFunctionsGetEventsForECSTaskRule'],
        Effect: 'Allow',
      },
      {
        actions: ['ecs:RunTask'],
        on: ['task-definition/Millrace-training:*'],
        Effect: 'Allow',
        Condition: { ArnEquals: { 'ecs:cluster': expect.anything() as unknown } },
      },
      {
        actions: ['ecs:StopTask', 'ecs:DescribeTasks'],
        on: [expect.stringMatching(/^task\/<PlatformContainerTrainingCluster\w+>\/\*$/)],
        Effect: 'Allow',
      },
      {
        actions: ['iam:PassRole'],
        on: [
          expect.stringMatching(/^<PlatformContainerTrainingExecutionRole\w+\.Arn>$/),
          expect.stringMatching(/^<PlatformContainerTrainingTaskRole\w+\.Arn>$/),
        ],
        Effect: 'Allow',
        Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
      },
    ])
  })
})

function substitutionsOf(from: typeof template): Record<string, unknown> {
  const machines = Object.values(ofType(from, 'AWS::StepFunctions::StateMachine'))
  const { Properties } = machines.find(
    (one) => one.Properties['StateMachineName'] === 'Millrace-training',
  )!
  return Properties['DefinitionSubstitutions'] as Record<string, unknown>
}

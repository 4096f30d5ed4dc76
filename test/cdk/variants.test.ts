import { App, Duration, Stack } from 'aws-cdk-lib'
import { Vpc } from 'aws-cdk-lib/aws-ec2'
import { Bucket } from 'aws-cdk-lib/aws-s3'
import { AwsSolutionsChecks } from 'cdk-nag'
import { describe, expect, it } from 'vitest'
import type { TrainingPlatformProps } from '../../cdk/index.ts'
import { listOf, resourcesOf, synthesized, written, type Statement } from './synthesized.ts'

const variants: Record<string, TrainingPlatformProps> = {
  'with REST API and WAF': { restApi: {} },
  'with provisioned concurrency': { predictionsProvisionedConcurrency: 2 },
  'with training beyond a function': {
    largeTrainingMemorySize: 10_240,
    containerTraining: {
      vpc: Vpc.fromVpcAttributes(new Stack(new App(), 'Network'), 'Vpc', {
        vpcId: 'vpc-0a1b2c3d',
        availabilityZones: ['a', 'b'],
        privateSubnetIds: ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'],
      }),
    },
  },
  minimal: {
    authorizer: 'none',
    dashboard: false,
    outputs: false,
    predictionsReservedConcurrency: 'none',
    quarantineExpiration: Duration.days(7),
  },
}

const base = synthesized()

describe('the default platform', () => {
  it('is the one that was looked at last', () => {
    expect(shown(base.template.toJSON())).toMatchSnapshot('default')
  })

  it('passes the AWS Solutions rules', () => {
    expect(violations(base.stack)).toEqual([])
  })

  it('names every action, and has a reason for each resource with a wildcard', () => {
    expectNamedActions(base)
  })
})

describe.each(Object.entries(variants))('%s', (name, props) => {
  const variant = synthesized(props)

  it('differs from the default by what was looked at last', () => {
    const before = shown(base.template.toJSON()) as Sections
    const after = shown(variant.template.toJSON()) as Sections
    const difference = Object.fromEntries(
      ['Resources', 'Outputs'].map((section) => [
        section,
        differenceOf(before[section] ?? {}, after[section] ?? {}),
      ]),
    )
    expect(difference).toMatchSnapshot(name)
  })

  it('passes the AWS Solutions rules', () => {
    expect(violations(variant.stack)).toEqual([])
  })

  it('names every action, and has a reason for each resource with a wildcard', () => {
    expectNamedActions(variant)
  })
})

describe('the rules of cdk-nag', () => {
  it('find what is wrong', () => {
    const stack = new Stack(new App(), 'Careless')
    new Bucket(stack, 'Bucket')
    expect(violations(stack)).toContain('AwsSolutions-S10 at Careless/Bucket/Resource')
  })
})

type Sections = Record<string, Record<string, unknown> | undefined>

function violations(stack: Stack): string[] {
  const report = new AwsSolutionsChecks(stack).validateScope(stack)
  return report.violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
  )
}

/** No policy of a role allows a group of actions; `*` alone is for what can have none else. */
function expectNamedActions({ template }: typeof base): void {
  const statements = Object.values(resourcesOf(template))
    .filter(({ Type }) => Type === 'AWS::IAM::Policy')
    .flatMap(
      ({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
    )
  expect(statements.length).toBeGreaterThan(20)
  for (const { Action, Resource } of statements) {
    for (const action of listOf(Action)) expect(action).not.toContain('*')
    if (listOf(Resource).some((resource) => written(resource) === '*')) {
      expect(
        listOf(Action).every((action) =>
          /^(logs|xray):|^ecr:GetAuthorizationToken$|^dynamodb:ListStreams$/.test(action),
        ),
      ).toBe(true)
    }
  }
}

/** A template without what changes though nothing was changed: digests, and the definition itself. */
function shown(template: object): unknown {
  const text = JSON.stringify(template, (name, value: unknown) =>
    name === 'DefinitionString' ? '<workflows/training.asl.json>' : value,
  )
  return JSON.parse(
    text
      .replaceAll(/[0-9a-f]{64}/g, '<digest>')
      .replaceAll(/(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}/g, '$1')
      .replaceAll(/(Deployment[0-9A-F]{8})[0-9a-f]{32}/g, '$1'),
  )
}

function differenceOf(before: Record<string, unknown>, after: Record<string, unknown>) {
  const isSame = (id: string) => JSON.stringify(before[id]) === JSON.stringify(after[id])
  return {
    removed: Object.keys(before).filter((id) => !(id in after)),
    addedOrChanged: Object.fromEntries(
      Object.entries(after).filter(([id]) => !(id in before) || !isSame(id)),
    ),
  }
}

import { App, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { TrainingPlatform } from './training-platform.ts'
import type { TrainingPlatformProps } from './training-platform-props.ts'

/** A stack with a platform and nothing else: what `millrace deploy` deploys. */
export class MillraceStack extends Stack {
  readonly platform: TrainingPlatform

  constructor(scope: Construct, id: string, props: StackProps & TrainingPlatformProps = {}) {
    super(scope, id, {
      description: 'Millrace: datasets put into a bucket become served models',
      analyticsReporting: false,
      ...props,
    })
    this.platform = new TrainingPlatform(this, 'Platform', props)
  }
}

/**
 * The app behind `millrace deploy`, with one `MillraceStack`. CDK's context says what it is made of:
 * `stackName` (default `Millrace`) and what `contextProps` reads.
 */
export function millraceApp(app: App = new App()): App {
  const stackName: unknown = app.node.tryGetContext('stackName') ?? 'Millrace'
  if (typeof stackName !== 'string' || !/^[A-Za-z][A-Za-z0-9-]{0,39}$/.test(stackName)) {
    throw new Error(
      `the context "stackName" is 1 to 40 letters, digits and "-", and begins with a letter; found ${JSON.stringify(stackName)}`,
    )
  }
  new MillraceStack(
    app,
    stackName,
    contextProps((name) => app.node.tryGetContext(name)),
  )
  return app
}

/**
 * A platform's props from context, where everything is text: `-c removalPolicy=destroy
 * -c alarmEmail=ops@example.com`. What is not given has the construct's default.
 *
 * @throws Error for a value that is none, naming the context key.
 */
export function contextProps(contextOf: (name: string) => unknown): TrainingPlatformProps {
  const read = <Value>(name: string, parse: (text: string) => Value | undefined, takes: string) => {
    const given = contextOf(name)
    if (given === undefined || given === '') return undefined
    const value = parse(typeof given === 'string' ? given : JSON.stringify(given))
    if (value !== undefined) return value
    throw new Error(`the context "${name}" takes ${takes}; found ${JSON.stringify(given)}`)
  }
  const count = (name: string) => read(name, countOf, 'a whole number from 1')
  return withoutAbsent({
    removalPolicy: read(
      'removalPolicy',
      (text) => removalPolicies[text.toLowerCase()],
      '"retain" or "destroy"',
    ),
    authorizer: read(
      'authorizer',
      (text) => (text === 'none' || text === 'keys' ? text : undefined),
      '"keys", for users with keys, or "none", which makes the API public, or is left out for IAM',
    ),
    sagemakerModel: read('sagemakerModel', (text) => text, 'a model, <user>/<dataset>'),
    alarmEmail: read('alarmEmail', (text) => (text.includes('@') ? text : undefined), 'an address'),
    trainingMemorySize: count('trainingMemorySize'),
    largeTrainingMemorySize: count('largeTrainingMemorySize'),
    predictionsMemorySize: count('predictionsMemorySize'),
    predictionsReservedConcurrency: read(
      'predictionsReservedConcurrency',
      (text) => (text === 'none' ? text : countOf(text)),
      'a whole number from 1, or "none"',
    ),
    predictionsProvisionedConcurrency: count('predictionsProvisionedConcurrency'),
    predictionsMaxProvisionedConcurrency: count('predictionsMaxProvisionedConcurrency'),
    restApi: read(
      'restApi',
      (text) => (text === 'true' ? {} : undefined),
      '"true", or is left out',
    ),
    functionsDirectory: read('functionsDirectory', (text) => text, 'a folder'),
    dashboard: read('dashboard', (text) => booleans[text], '"true" or "false"'),
  })
}

const removalPolicies: Readonly<Record<string, RemovalPolicy>> = {
  retain: RemovalPolicy.RETAIN,
  destroy: RemovalPolicy.DESTROY,
}

const booleans: Readonly<Record<string, boolean>> = { true: true, false: false }

function countOf(text: string): number | undefined {
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined
}

function withoutAbsent<Props extends object>(
  props: Props,
): { [Name in keyof Props]?: NonNullable<Props[Name]> } {
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Props]?: NonNullable<Props[Name]>
  }
}

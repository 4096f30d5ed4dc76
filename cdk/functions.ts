import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Duration, Lazy, Stack } from 'aws-cdk-lib'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  Runtime,
  type FunctionProps,
} from 'aws-cdk-lib/aws-lambda'
import { NodejsFunction, OutputFormat, type BundlingOptions } from 'aws-cdk-lib/aws-lambda-nodejs'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { RemovalPolicy } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { grantUses, type Use } from './permissions.ts'
import type { PlatformResources } from './platform-resources.ts'

/** A function on a platform's ports. Its code is either an `entry` or a prebuilt `code`. */
export interface PlatformFunctionProps {
  /**
   * A TypeScript or JavaScript module that exports `handler`: `export const handler =
   * taskFunction(greet)`. esbuild, which must be installed, bundles it.
   *
   * @default - `code` is given
   */
  readonly entry?: string
  /**
   * A bundle with an `index.mjs` that exports `handler`.
   *
   * @default - `entry` is given
   */
  readonly code?: Code
  /**
   * What it asks of the platform, which is what its role allows.
   *
   * @default - nothing: it only computes
   */
  readonly uses?: readonly Use[]
  /**
   * Memory in MiB; a CPU comes with each 1769 of them.
   *
   * @default 512
   */
  readonly memorySize?: number
  /**
   * When Lambda ends a call.
   *
   * @default - the shortest `TimeoutSeconds` of the states that call it, at most 15 minutes; 1 minute
   * where they have none
   */
  readonly timeout?: Duration
  /**
   * Calls at the same time, set aside for this function and at most as many.
   *
   * @default - what is left of the account's quota
   */
  readonly reservedConcurrentExecutions?: number
  /**
   * Variables beside those that say where the platform is.
   *
   * @default - none
   */
  readonly environment?: Readonly<Record<string, string>>
}

/** Makes a function with a role and a log group of its own. */
export function platformFunction(
  scope: Construct,
  id: string,
  platform: PlatformResources,
  props: PlatformFunctionProps,
): LambdaFunction {
  const logGroup = new LogGroup(scope, `${id}Logs`, {
    retention: platform.logRetention,
    removalPolicy: platform.removalPolicy,
  })
  const role = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    description: `${platform.platformName}: the function ${id}`,
  })
  logGroup.grantWrite(role)
  grantUses(role, props.uses ?? [], platform)
  const { reservedConcurrentExecutions } = props
  const common = {
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    role,
    logGroup,
    memorySize: props.memorySize ?? 512,
    timeout: props.timeout ?? Duration.minutes(1),
    ...(reservedConcurrentExecutions === undefined ? {} : { reservedConcurrentExecutions }),
    environment: { ...platformEnvironment(platform, Stack.of(scope)), ...props.environment },
    // A running execution goes on with the versions that its definition names.
    currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
  }
  const made = fromSource(scope, id, common, props)
  acknowledge(made, 'AwsSolutions-L1', 'Node.js 24 is the newest long-term support release.')
  return made
}

/** The prebuilt bundle of one of the package's own functions. */
export function prebuiltFunction(directory: string, name: string): Code {
  return Code.fromAsset(prebuiltBundle(directory, name))
}

/** The folder of such a bundle. */
export function prebuiltBundle(directory: string, name: string): string {
  const bundle = join(directory, name)
  if (!existsSync(join(bundle, 'index.mjs'))) {
    throw new Error(
      `there is no bundle of the function "${name}" in ${directory}: it is made by "npm run build", ` +
        'and comes with the published package',
    )
  }
  return bundle
}

/** Where the package keeps the bundles of its functions. */
export function prebuiltFunctionsDirectory(): string {
  return join(packageRoot(import.meta.dirname), 'dist', 'functions')
}

/** The same folder whether this module runs from the sources or from what was built of them. */
function packageRoot(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory
  return packageRoot(dirname(directory))
}

function fromSource(
  scope: Construct,
  id: string,
  common: Omit<FunctionProps, 'code' | 'handler'>,
  { entry, code }: PlatformFunctionProps,
): LambdaFunction {
  if (code !== undefined && entry === undefined) {
    return new LambdaFunction(scope, id, { ...common, code, handler: 'index.handler' })
  }
  if (entry === undefined || code !== undefined) {
    throw new Error(`the function "${id}" takes either an entry to bundle or prebuilt code`)
  }
  if (!existsSync(entry)) {
    throw new Error(`the function "${id}" has its entry at ${entry}, where no file is`)
  }
  return new NodejsFunction(scope, id, {
    ...common,
    entry,
    handler: 'handler',
    bundling,
    awsSdkConnectionReuse: false,
  })
}

/** As the package's own functions are bundled: all that they need, in one module with a source map. */
const bundling: BundlingOptions = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  keepNames: true,
  sourceMap: true,
  sourcesContent: false,
  // The SDK of the Lambda runtime is another one than that which was tested.
  externalModules: [],
  // Packages in CommonJS call `require` for Node's own modules.
  banner:
    "import { createRequire as millraceRequire } from 'node:module'; const require = millraceRequire(import.meta.url);",
}

/** The variables that `settingsFromEnvironment` of `millrace/aws` reads, and those of Powertools. */
export function platformEnvironment(
  platform: PlatformResources,
  stack: Stack,
): Record<string, string> {
  return {
    MILLRACE_BUCKET: platform.bucket.bucketName,
    MILLRACE_TABLE: platform.table.tableName,
    MILLRACE_QUEUE_URL: platform.queue.queueUrl,
    MILLRACE_DEAD_LETTER_QUEUE_URL: platform.deadLetterQueue.queueUrl,
    MILLRACE_EVENT_BUS: platform.eventBus.eventBusName,
    // Workflows are added after the functions that may ask about them.
    MILLRACE_STATE_MACHINES: Lazy.string({
      produce: () => stack.toJsonString(platform.workflows.stateMachineArns(stack)),
    }),
    POWERTOOLS_SERVICE_NAME: platform.platformName,
    POWERTOOLS_METRICS_NAMESPACE: 'Millrace',
    NODE_OPTIONS: '--enable-source-maps',
  }
}

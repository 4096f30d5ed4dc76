import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { isMillraceError, MillraceError } from '../../platform/ports/index.ts'
import { findCdk, runCdk, type Cdk } from '../aws/cdk.ts'
import {
  cloudFormation,
  findStack,
  isMillrace,
  isSettled,
  notMillrace,
  outputsOf,
  stackOutputs,
} from '../aws/stack.ts'
import type { Run } from '../options.ts'
import { addAwsOptions, deploymentOf, type Deployment } from '../platform-location.ts'
import { duration, printJson, printLine, styled, type Terminal } from '../terminal.ts'

/** What `cdk bootstrap` makes, once an account and region. */
const toolkitStack = 'CDKToolkit'

interface DeployOptions {
  context: string[]
  yes?: boolean
  json?: boolean
}

export function addDeploy(program: Command, run: Run): void {
  const command = program
    .command('deploy')
    .description('deploy the platform to AWS, or bring a deployed one up to date')
    .addOption(
      new Option('--stack <name>', "the stack's name").env('MILLRACE_STACK').default('Millrace'),
    )
    .option('--context <key=value>', 'a setting of the stack; may be repeated', readContext, [])
    .option('--yes', 'do not ask before permissions are widened')
    .option('--json', 'print the outputs as JSON')
  addAwsOptions(command)
    .addHelpText(
      'after',
      `
It runs the aws-cdk of your project, which needs these packages beside millrace:
  npm install --save-dev aws-cdk@2 aws-cdk-lib constructs @aws-sdk/client-cloudformation \\
    @smithy/signature-v4
An account and region take "npx cdk bootstrap" once; on an --endpoint that is done for you.

Examples:
  $ millrace deploy
  $ millrace deploy --stack Trial --region eu-west-1 --profile work
  $ millrace deploy --stack Trial --context removalPolicy=destroy --yes
  $ millrace deploy --endpoint http://127.0.0.1:4566`,
    )
    .action(async (options: DeployOptions) => deploy(deploymentOf(command), options, run.terminal))
}

async function deploy(
  deployment: Deployment,
  options: DeployOptions,
  terminal: Terminal,
): Promise<void> {
  const started = performance.now()
  const { out, err } = terminal
  const { stack, endpoint } = deployment
  const asks = endpoint === undefined && options.yes !== true
  if (asks && terminal.in?.isTTY !== true) {
    throw new MillraceError(
      'RequestInvalid',
      'a deployment to an account asks before it widens permissions, and nobody can answer here: ' +
        'look at it on a terminal first, or give --yes',
    )
  }
  const cdk = findCdk(process.cwd())
  const cloud = await cloudFormation(deployment)
  await refuseForeign(cloud, deployment)
  if (endpoint !== undefined) await bootstrap(cdk, cloud, deployment, terminal)

  printLine(err, `${styled(err, 'bold', 'Deploying')} ${stack} to ${endpoint ?? 'AWS'}`)
  const context = [`stackName=${stack}`, ...options.context].flatMap((one) => ['--context', one])
  const approval = ['--require-approval', asks ? 'broadening' : 'never']
  const progress = err.isTTY === true ? [] : ['--progress', 'events']
  await withDirectory(async (directory) =>
    runCdk(
      cdk,
      ['deploy', stack, ...context, ...approval, '--output', directory, ...progress],
      deployment,
      terminal,
    ).catch(async (error: unknown) => {
      throw await withBootstrapHint(error, cloud, deployment)
    }),
  )

  const outputs = await stackOutputs(cloud, deployment)
  if (options.json) return printJson(out, { stack, outputs })
  printLine(
    out,
    `${styled(out, 'bold', 'Deployed')} ${stack} in ${duration(performance.now() - started)}`,
  )
  const width = Math.max(...Object.keys(outputs).map((name) => name.length))
  for (const [name, value] of Object.entries(outputs)) {
    printLine(out, `  ${name.padEnd(width)}  ${value}`)
  }
  const where = argumentWithStack(deployment)
  printLine(err, `  upload:  npx millrace put data.npy${where} --watch`)
  printLine(err, `  watch:   npx millrace executions --watch${where}`)
  printLine(err, `  ask:     npx millrace predict <user>/<dataset> 1.0,2.0,…${where}`)
  printLine(err, `  remove:  npx millrace destroy${where}`)
}

/** Another program's stack of this name must not lose its resources to ours. */
async function refuseForeign(cloud: CloudFormationClient, deployment: Deployment): Promise<void> {
  const found = await findStack(cloud, deployment, deployment.stack)
  if (found === undefined || !isSettled(found)) return
  const outputs = outputsOf(found)
  if (isMillrace(outputs)) return
  throw new MillraceError(
    'RequestInvalid',
    `${notMillrace(deployment.stack, outputs)}; deploy under another name, as --stack Millrace`,
  )
}

/** An emulator forgets at its end, so that it is new more often than not. */
async function bootstrap(
  cdk: Cdk,
  cloud: CloudFormationClient,
  deployment: Deployment,
  terminal: Terminal,
): Promise<void> {
  if ((await findStack(cloud, deployment, toolkitStack)) !== undefined) return
  printLine(terminal.err, `Preparing ${deployment.endpoint} for the CDK (cdk bootstrap)`)
  await withDirectory(async (directory) =>
    runCdk(
      cdk,
      ['bootstrap', '--context', `stackName=${deployment.stack}`, '--output', directory],
      deployment,
      terminal,
    ),
  )
}

async function withBootstrapHint(
  error: unknown,
  cloud: CloudFormationClient,
  deployment: Deployment,
): Promise<unknown> {
  if (!isMillraceError(error, 'DeploymentFailed') || deployment.endpoint !== undefined) return error
  const toolkit = await findStack(cloud, deployment, toolkitStack).catch(() => undefined)
  if (toolkit !== undefined) return error
  const region = await cloud.config.region()
  const profile = deployment.profile === undefined ? '' : ` --profile ${deployment.profile}`
  return new MillraceError(
    'DeploymentFailed',
    `${error.message}; this account has no stack ${toolkitStack} in ${region}: ` +
      `run npx cdk bootstrap aws://<account number>/${region}${profile} once`,
    { cause: error },
  )
}

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-deploy-'))
  try {
    await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** A suggested command names the stack, also where it was the default here. */
function argumentWithStack({ argument, stack }: Deployment): string {
  return / --stack /.test(argument) ? argument : ` --stack ${stack}${argument}`
}

function readContext(text: string, before: string[] = []): string[] {
  if (!/^[^=\s]+=/.test(text)) {
    throw new InvalidArgumentError('It takes a name and a value, as removalPolicy=destroy.')
  }
  if (text.startsWith('stackName=')) {
    throw new InvalidArgumentError('The name of the stack is said by --stack.')
  }
  return [...before, text]
}

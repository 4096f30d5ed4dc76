import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { SFNClient } from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findCdk, runCdk } from '../../cli/aws/cdk.ts'
import type { Deployment } from '../../cli/platform-location.ts'
import { stepFunctionsExecutions } from '../../platform/aws/executions.ts'
import type { Executions } from '../../platform/ports/index.ts'
import { Screen } from '../cli/terminal.ts'
import { clientOptions, endpoint } from '../platform/aws/endpoint.ts'

const stackName = `Changing${randomUUID().slice(0, 8)}`
const deployment: Deployment = {
  kind: 'deployed',
  stack: stackName,
  endpoint,
  region: clientOptions.region,
  profile: undefined,
  credentials: clientOptions.credentials,
  argument: '',
}
const cdk = findCdk(import.meta.dirname, join(import.meta.dirname, 'changing-app.ts'))
const workflow = 'twice'
let directory: string
let executions: Executions
/** How long a deployment took. */
let deployMilliseconds: number

const run = async (command: string[], code: string): Promise<void> => {
  const context = { stackName, directory, code }
  const screen = new Screen(120, 40)
  const { signal } = new AbortController()
  await runCdk(
    cdk,
    [
      ...command,
      ...Object.entries(context).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ...['--output', join(directory, 'cdk.out')],
    ],
    deployment,
    { out: screen, err: screen, signal },
  ).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}\n${screen.text}`)
  })
}
const deploy = (code: string) => run(['deploy', '--require-approval', 'never'], code)
const start = (name: string, milliseconds: number) =>
  executions.start({
    workflow,
    name,
    input: { until: new Date(Date.now() + milliseconds).toISOString() },
  })
const endOf = async (name: string) => {
  const described = () => executions.describe(workflow, name)
  await expect
    .poll(async () => (await described()).status, { timeout: 600_000, interval: 500 })
    .toBe('SUCCEEDED')
  return described()
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-changing-'))
  const began = performance.now()
  await deploy('old')
  deployMilliseconds = performance.now() - began
  const { Stacks } = await new CloudFormationClient(clientOptions).send(
    new DescribeStacksCommand({ StackName: stackName }),
  )
  const arn = Stacks![0]!.Outputs!.find(({ OutputKey }) => OutputKey === 'StateMachineArn')
  executions = stepFunctionsExecutions({
    client: new SFNClient(clientOptions),
    stateMachines: { [workflow]: arn!.OutputValue! },
  })
})

afterAll(async () => {
  await run(['destroy', '--force'], 'new')
  await rm(directory, { recursive: true })
})

it('does not change the code of an execution that runs while a newer one is deployed', async () => {
  await start('before', 45_000 + 3 * deployMilliseconds)
  await deploy('new')
  expect((await executions.describe(workflow, 'before')).status).toBe('RUNNING')
  await start('after', 0)
  expect((await endOf('after')).output).toEqual({ first: 'new', second: 'new' })
  expect((await endOf('before')).output).toEqual({ first: 'old', second: 'old' })
}, 1_200_000)

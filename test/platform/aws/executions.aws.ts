import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  RedriveExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stepFunctionsExecutions } from '../../../platform/aws/executions.ts'
import { contractWorkflows, type OpenExecutions } from '../../contracts/execution-requests.ts'
import { executionsContract } from '../../contracts/executions.ts'
import { clientOptions } from './endpoint.ts'

const client = new SFNClient(clientOptions)
afterAll(() => client.destroy())

executionsContract('step functions', openContract, { lacks: ['redrive'] })

async function openContract(): Promise<OpenExecutions> {
  const stateMachines = await createStateMachines()
  const executions = stepFunctionsExecutions({ client, stateMachines })
  return {
    executions,
    async close() {
      const { executions: running } = await executions.list({ status: 'RUNNING', limit: 1000 })
      for (const { workflow, name } of running) await executions.stop(workflow, name)
      await deleteStateMachines(stateMachines)
    },
  }
}

describe('step functions executions', () => {
  it('lists more than one page of the service, of several state machines', async () => {
    const opened = await openContract()
    const { executions } = opened
    try {
      const names = Array.from({ length: 105 }, (_, i) => `run-${String(i).padStart(3, '0')}`)
      const start = (workflow: string, name: string) =>
        executions.start({ workflow, name, input: { n: 1 } })
      for (const name of names) await start('contract-steps', name)
      await start('contract-waiting', 'last')
      const running = { workflow: 'contract-steps', status: 'RUNNING' } as const
      await expect.poll(async () => (await executions.list(running)).executions).toEqual([])
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await executions.list({
          limit: 30,
          ...(cursor === undefined ? {} : { cursor }),
        })
        found.push(...page.executions.map(({ name }) => name))
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(found.toSorted()).toEqual([...names, 'last'].toSorted())
    } finally {
      await opened.close()
    }
  })
})

describe('differences of the emulator', () => {
  let stateMachines: Record<string, string>
  beforeAll(async () => {
    stateMachines = await createStateMachines()
  })
  afterAll(() => deleteStateMachines(stateMachines))

  const start = async (workflow: string, input: unknown, name: string = randomUUID()) => {
    const { executionArn } = await client.send(
      new StartExecutionCommand({
        stateMachineArn: stateMachines[workflow],
        name,
        input: JSON.stringify(input),
      }),
    )
    return executionArn!
  }
  const ended = async (executionArn: string) => {
    const describing = new DescribeExecutionCommand({ executionArn })
    await expect.poll(async () => (await client.send(describing)).status).not.toBe('RUNNING')
    return client.send(describing)
  }

  it('refuses to start a running execution again; AWS answers it', async () => {
    const name = randomUUID()
    const executionArn = await start('contract-waiting', {}, name)
    await expect(start('contract-waiting', {}, name)).rejects.toMatchObject({
      name: 'ExecutionAlreadyExists',
    })
    await client.send(new StopExecutionCommand({ executionArn }))
  })

  it('has no RedriveExecution; AWS has', async () => {
    const executionArn = await start('contract-steps', { n: 51 })
    await ended(executionArn)
    const redrive = client.send(new RedriveExecutionCommand({ executionArn }))
    await expect(redrive).rejects.toMatchObject({ name: 'InvalidAction' })
  })

  it('refuses to stop an execution that has ended; AWS answers its stop date', async () => {
    const executionArn = await start('contract-steps', { n: 1 })
    await ended(executionArn)
    await expect(client.send(new StopExecutionCommand({ executionArn }))).rejects.toMatchObject({
      name: 'ValidationException',
    })
  })

  it('gives a failed execution an output; AWS gives none', async () => {
    const { output } = await ended(await start('contract-steps', { n: 51 }))
    expect(JSON.parse(output!)).toEqual({ Error: 'TooMuch', Cause: 'over a hundred' })
  })

  it('leaves previousEventId out of a history; AWS gives the event before', async () => {
    const executionArn = await start('contract-steps', { n: 1 })
    await ended(executionArn)
    const { events } = await client.send(new GetExecutionHistoryCommand({ executionArn }))
    expect(events!.map(({ previousEventId }) => previousEventId)).toEqual(
      events!.map(() => undefined),
    )
  })

  it('leaves redriveCount out of its answers; AWS gives it', async () => {
    const executionArn = await start('contract-steps', { n: 1 })
    expect((await ended(executionArn)).redriveCount).toBeUndefined()
    const stateMachineArn = stateMachines['contract-steps']
    const { executions } = await client.send(new ListExecutionsCommand({ stateMachineArn }))
    expect(executions![0]!.redriveCount).toBeUndefined()
  })

  it('lists an execution by its end once it has one; AWS says "the most recent first"', async () => {
    const slow = await start('contract-waiting', {})
    const quick = await start('contract-waiting', {})
    await client.send(new StopExecutionCommand({ executionArn: slow }))
    const stateMachineArn = stateMachines['contract-waiting']
    const { executions } = await client.send(
      new ListExecutionsCommand({ stateMachineArn, maxResults: 2 }),
    )
    expect(executions!.map(({ executionArn }) => executionArn)).toEqual([slow, quick])
    await client.send(new StopExecutionCommand({ executionArn: quick }))
  })

  it('takes names and inputs that AWS refuses', async () => {
    await ended(await start('contract-steps', { n: 1 }, `${randomUUID()} *?`))
    await ended(await start('contract-steps', { n: 1, filler: 'x'.repeat(300_000) }))
  })
})

async function createStateMachines(): Promise<Record<string, string>> {
  const suffix = randomUUID().slice(0, 8)
  const created = Object.entries(contractWorkflows).map(async ([workflow, definition]) => {
    const { stateMachineArn } = await client.send(
      new CreateStateMachineCommand({
        name: `${workflow}-${suffix}`,
        definition: JSON.stringify(definition),
        roleArn: 'arn:aws:iam::000000000000:role/millrace-test',
      }),
    )
    return [workflow, stateMachineArn!] as const
  })
  return Object.fromEntries(await Promise.all(created))
}

async function deleteStateMachines(stateMachines: Readonly<Record<string, string>>): Promise<void> {
  for (const stateMachineArn of Object.values(stateMachines)) {
    await client.send(new DeleteStateMachineCommand({ stateMachineArn }))
  }
}

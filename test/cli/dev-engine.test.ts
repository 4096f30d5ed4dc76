import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runCommand } from '../../cli/main.ts'
import { Screen } from './terminal.ts'

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-dev-engine-'))
})

afterAll(() => rm(directory, { recursive: true, force: true }))

/** Starts `millrace dev`, which ends with the test. */
function dev(name: string, ...options: string[]) {
  const interrupt = new AbortController()
  const screen = new Screen(200, 50)
  const args = ['dev', '--data-dir', join(directory, name), '--port', '0', ...options]
  const ended = runCommand(args, { out: screen, err: screen, signal: interrupt.signal })
  onTestFinished(async () => {
    interrupt.abort()
    await ended
  })
  return { ended, text: () => stripVTControlCharacters(screen.text) }
}

async function engineUrl(text: () => string): Promise<string> {
  const found = () => /its engine: +(\S+)/.exec(text())?.[1]
  await expect.poll(found).toBeDefined()
  return found()!
}

describe('millrace dev', () => {
  it('serves the Step Functions API of its engine', async () => {
    const url = await engineUrl(dev('served', '--engine-port', '0').text)
    const client = new SFNClient({
      endpoint: url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    })
    onTestFinished(() => {
      client.destroy()
    })
    const { stateMachines } = await client.send(new ListStateMachinesCommand({}))
    expect(stateMachines?.map(({ name }) => name)).toEqual(['batch', 'retraining', 'training'])
    const { stateMachineArn } = await client.send(
      new CreateStateMachineCommand({
        name: 'mine',
        definition: JSON.stringify({ StartAt: 'A', States: { A: { Type: 'Pass', End: true } } }),
        roleArn: 'arn:aws:iam::000000000000:role/r',
      }),
    )
    const { executionArn } = await client.send(
      new StartExecutionCommand({ stateMachineArn, input: '[1]' }),
    )
    const describeIt = () => client.send(new DescribeExecutionCommand({ executionArn }))
    await expect.poll(async () => (await describeIt()).output).toBe('[1]')
  })

  it('refuses a port that is taken, and takes a free one where none was asked for', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      other.close()
    })
    const { port } = other.address() as AddressInfo
    const refused = dev('refused', '--engine-port', String(port))
    expect(await refused.ended).toBe(8)
    expect(refused.text()).toContain(
      `ListenFailed: port ${port} of 127.0.0.1 is taken by another program`,
    )
    // One of the two has the default port at most.
    const [first, second] = await Promise.all(
      ['first', 'second'].map((name) => engineUrl(dev(name).text)),
    )
    expect(first).not.toBe(second)
  })
})

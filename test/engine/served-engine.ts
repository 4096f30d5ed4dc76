import { CreateStateMachineCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { onTestFinished } from 'vitest'
import { type EngineOptions, virtualClock } from '../../engine/index.ts'
import { open } from './open.ts'

export const roleArn = 'arn:aws:iam::000000000000:role/r'

/** An engine behind its server, and a client of the SDK for it. */
export async function serve(options: Partial<EngineOptions> = {}) {
  const tokens: string[] = []
  const engine = await open({
    clock: virtualClock({ automatic: false, start: 1_700_000_000_123 }),
    tasks:
      () =>
      (_, { taskToken }) =>
        void tokens.push(taskToken),
    ...options,
  })
  const server = await engine.listen()
  const client = new SFNClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    disableHostPrefix: true,
    maxAttempts: 1,
  })
  onTestFinished(() => {
    client.destroy()
  })
  const create = async (definition: string, name = 'm') => {
    const made = await client.send(new CreateStateMachineCommand({ name, definition, roleArn }))
    return made.stateMachineArn!
  }
  const start = async (definition: string, name = 'x') => {
    const stateMachineArn = await create(definition)
    const started = await client.send(new StartExecutionCommand({ stateMachineArn, name }))
    return { stateMachineArn, executionArn: started.executionArn! }
  }
  const until = async (executionArn: string, type: string) => {
    for await (const event of engine.watch(executionArn)) if (event.type === type) return
  }
  return { engine, server, client, tokens, create, start, until }
}

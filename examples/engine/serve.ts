import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn'
import { openEngine } from 'millrace/engine'

/** Names of the state machines, asked for as of the service. */
export async function listOverHttp(dataDir: string): Promise<(string | undefined)[]> {
  const engine = await openEngine({ dataDir, tasks: () => undefined })
  const { url } = await engine.listen({ port: 0 })
  await engine.createStateMachine({
    name: 'hello',
    definition: JSON.stringify({ StartAt: 'A', States: { A: { Type: 'Pass', End: true } } }),
  })

  const client = new SFNClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    disableHostPrefix: true,
  })
  const { stateMachines = [] } = await client.send(new ListStateMachinesCommand({}))
  client.destroy()
  await engine.close()
  return stateMachines.map(({ name }) => name)
}

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signedFetch } from '../../cli/aws/signed-fetch.ts'
import type { ExecutionEvent } from '../../platform/ports/index.ts'
import { deployed } from '../aws/deployed.ts'
import { clientOptions, isEmulator } from '../platform/aws/endpoint.ts'
import { openDeployed } from './deployed.ts'
import { ended } from './history.ts'
import type { ScenarioPlatform } from './platform.ts'

let platform: ScenarioPlatform
beforeAll(async () => {
  platform = await openDeployed()
})
afterAll(() => platform.close())

it('a request that nobody signed is refused with 403', async () => {
  const { apiUrl } = await deployed()
  expect((await fetch(`${apiUrl}/models`)).status).toBe(403)
})

describe('differences of the emulator', () => {
  it('answers whoever signed a request; AWS refuses with 403 who may not invoke', async () => {
    const { apiUrl } = await deployed()
    const stranger = { accessKeyId: 'AKIDSTRANGER', secretAccessKey: 'of nobody' }
    const send = await signedFetch({
      region: clientOptions.region,
      credentials: async () => stranger,
    })
    const { status } = await send(new URL(`${apiUrl}/models`), {})
    expect(status).toBe(isEmulator ? 200 : 403)
  })

  it('tells an ApiUrl below localhost; AWS tells one below amazonaws.com', async () => {
    const { outputs } = await deployed()
    expect(new URL(outputs['ApiUrl']!).hostname).toMatch(
      isEmulator
        ? /^[a-z0-9]+\.execute-api\.localhost$/
        : /^[a-z0-9]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com$/,
    )
  })

  it('leaves the version id out of events of S3; AWS has it', async () => {
    const key = `uploads/differences-${randomUUID().slice(0, 8)}/none.npy`
    const { versionId } = await platform.put(key, Buffer.from('no array'))
    const delivered = `/uploads/delivery?${new URLSearchParams({ key, versionId }).toString()}`
    await expect
      .poll(async () => (await platform.fetch(delivered)).status, { timeout: 60_000 })
      .toBe(200)
    const { execution } = (await (await platform.fetch(delivered)).json()) as { execution: string }
    const { input } = await platform.executions.describe('training', execution)
    const { detail } = input as { detail: { object: Record<string, unknown> } }
    expect(detail.object['version-id']).toBe(isEmulator ? undefined : versionId)
  })

  it('calls each error of a function Runtime.HandlerError; AWS calls it by its name', async () => {
    const name = `differences-${randomUUID()}`
    await platform.executions.start({ workflow: 'training', name, input: { no: 'event' } })
    const { history } = await ended(platform.executions, name)
    const failed = history.filter(({ type }) => type === 'TaskFailed').map(errorOf)
    expect(new Set(failed)).toEqual(
      new Set([isEmulator ? 'Runtime.HandlerError' : 'TaskInputInvalid']),
    )
  })
})

function errorOf({ details }: ExecutionEvent): unknown {
  return details['error']
}

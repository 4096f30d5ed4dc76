import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deployed, type Deployed } from '../aws/deployed.ts'
import { irisNpy } from '../fixtures/iris.ts'
import { millrace } from './terminal.ts'

const user = `cli${randomBytes(4).toString('hex')}`
let directory: string
let platform: Deployed

beforeAll(async () => {
  platform = await deployed()
  directory = await mkdtemp(join(tmpdir(), 'millrace-stack-'))
  await writeFile(join(directory, 'iris.npy'), irisNpy())
})

afterAll(async () => rm(directory, { recursive: true, force: true }))

const run = (...args: string[]) =>
  millrace(...args, '--stack', platform.stack, '--endpoint', platform.endpoint)
const json = (text: string) => JSON.parse(text) as Record<string, unknown>

describe('the commands on a deployed platform', () => {
  it('upload, follow the training, list and ask the model, as embedded', async () => {
    const put = await run('put', join(directory, 'iris.npy'), '--user', user, '--watch')
    expect(put).toMatchObject({ exitCode: 0 })
    expect(put.out).toContain(`Registered  ${user}/iris version 0`)
    expect(put.err).toMatch(/s {2}Validate\n/)

    const [, execution] = /→ execution (\S+)/.exec(put.err) ?? []
    const listed = await run('executions', '--limit', '100')
    expect(listed.out).toMatch(
      new RegExp(`^${execution} +training +SUCCEEDED .*version 0 promoted$`, 'm'),
    )
    expect((await run('models', `${user}/iris`)).out).toMatch(/0 {2}champion/)
    const asked = await run(
      'predict',
      `${user}/iris`,
      '6.5,2.8,4.6,1.5',
      '5.1,3.5,1.4,0.2',
      '--json',
    )
    expect(json(asked.out)).toMatchObject({ predictions: [1, 0], version: 0 })
  })

  it('leave the exit codes of the embedded platform', async () => {
    await writeFile(join(directory, 'bad.npy'), 'garbage')
    const rejected = await run('put', join(directory, 'bad.npy'), '--user', user, '--watch')
    expect(rejected).toMatchObject({ exitCode: 4 })
    expect(await run('models', `${user}/none`)).toMatchObject({ exitCode: 6 })
    expect(await run('predict', `${user}/iris`, '1,2')).toMatchObject({ exitCode: 7 })
    expect(await run('execution', 'none')).toMatchObject({ exitCode: 6 })
  })

  it('show one history by its events', async () => {
    const put = await run(
      'put',
      join(directory, 'iris.npy'),
      '--user',
      user,
      '--dataset',
      'again',
      '--json',
    )
    const { execution } = json(put.out)
    expect(await run('execution', String(execution), '--watch')).toMatchObject({ exitCode: 0 })
    const { events } = json((await run('execution', String(execution), '--json')).out)
    const types = (events as { type: string }[]).map(({ type }) => type)
    expect([types[0], types.at(-1)]).toEqual(['ExecutionStarted', 'ExecutionSucceeded'])
  })
})

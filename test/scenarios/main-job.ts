import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PresignedUpload } from '../../platform/ports/index.ts'
import { irisNpy, irisRows, npyOf } from '../fixtures/iris.ts'
import { groupedRows, pricesCsv } from '../fixtures/quantities.ts'
import { ended, type EndedExecution, signatureOf, stateInsideMap, statesOf } from './history.ts'
import type { ScenarioPlatform } from './platform.ts'

const flower = [6.5, 2.8, 4.6, 1.5]

/** The way of a dataset that is accepted. */
const acceptedStates = [
  'Claim',
  'IsClaimed',
  'Validate',
  'IsValid',
  'Train',
  'Evaluate',
  'Register',
  'CheckDrift',
  'Promote',
  'IsDecided',
  'Announce',
  'Report',
  'Trained',
]

/** Signatures of executions by the scenario that made them. */
export type Signatures = Map<string, unknown>

/**
 * What the platform is for, from the outside, on any platform. Each run has users of its own, so that
 * a platform that is kept can run it again. Fills `signatures`, for a comparison of platforms.
 * `historyShowsInsideOfMaps`: AWS records the states inside an inline Map; the emulator leaves them out.
 */
export function mainJobScenarios(
  name: string,
  open: () => Promise<ScenarioPlatform>,
  signatures: Signatures = new Map(),
  traits: { historyShowsInsideOfMaps: boolean } = { historyShowsInsideOfMaps: true },
): void {
  describe(`the main job: ${name}`, () => {
    let platform: ScenarioPlatform
    const ada = `ada-${randomUUID().slice(0, 8)}`
    const bob = `bob-${randomUUID().slice(0, 8)}`
    beforeAll(async () => {
      platform = await open()
    }, 600_000)
    afterAll(() => platform?.close())

    const executionOf = async (
      upload: { key: string; versionId: string },
      timeout = 150_000,
    ): Promise<string> => {
      const path = `/uploads/delivery?${new URLSearchParams(upload).toString()}`
      let execution = ''
      await expect
        .poll(
          async () => {
            const response = await platform.fetch(path)
            if (response.ok)
              execution = ((await response.json()) as { execution: string }).execution
            return response.status
          },
          { timeout, interval: 200 },
        )
        .toBe(200)
      return execution
    }
    const train = async (
      key: string,
      bytes: Uint8Array,
      metadata?: Record<string, string>,
    ): Promise<EndedExecution> => {
      const { versionId } = await platform.put(key, bytes, metadata)
      return ended(platform.executions, await executionOf({ key, versionId }))
    }
    const toldAbout = async (model: string): Promise<string[]> =>
      (await platform.events())
        .filter(({ detail }) => detail['model'] === model)
        .map((event) => event['detail-type'])
    const versionsOf = async (model: string): Promise<unknown[]> => {
      const response = await platform.fetch(`/models/${model}`)
      return ((await response.json()) as { versions: unknown[] }).versions
    }
    const predict = async (path: string, body: object): Promise<unknown> => {
      const response = await platform.fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(response.status).toBe(200)
      return response.json()
    }

    it('turns the Iris file into a version that answers class 1', async () => {
      const execution = await train(`uploads/${ada}/iris.npy`, irisNpy())
      signatures.set('accepted', signatureOf(execution))
      expect(execution).toMatchObject({
        status: 'SUCCEEDED',
        output: {
          outcome: 'registered',
          model: `${ada}/iris`,
          version: 0,
          promotion: { outcome: 'promoted', champion: 0 },
        },
      })
      expect(statesOf(execution)).toEqual(acceptedStates)
      const fitted = execution.history.filter(({ details }) => details['name'] === stateInsideMap)
      expect(fitted.length > 0).toBe(traits.historyShowsInsideOfMaps)
      const registered = await platform.fetch(`/models/${ada}/iris`)
      expect(registered.status).toBe(200)
      expect(await registered.json()).toMatchObject({ aliases: { champion: { version: 0 } } })
      const answer = { model: `${ada}/iris`, version: 0, predictions: [1] }
      expect(await predict('/prediction', { userID: ada, array: flower })).toMatchObject(answer)
      expect(
        await predict(`/models/${ada}/iris/predictions`, { instances: [flower] }),
      ).toMatchObject(answer)
      await expect
        .poll(() => toldAbout(`${ada}/iris`), { timeout: 120_000, interval: 200 })
        .toEqual(expect.arrayContaining(['Model Registered', 'Model Promoted']))
    }, 600_000)

    it('turns prices into a version that answers a quantity', async () => {
      const configuration = JSON.stringify({
        algorithms: ['gradient-boosting', 'ridge'],
        trials: 2,
      })
      const key = `uploads/${ada}/prices.csv`
      const execution = await train(key, pricesCsv(400, 1), { configuration })
      signatures.set('regression', signatureOf(execution))
      expect(execution.output).toMatchObject({
        outcome: 'registered',
        algorithm: 'gradient-boosting',
        metrics: { task: 'regression' },
        promotion: { outcome: 'promoted' },
      })
      const answer = await predict(`/models/${ada}/prices/predictions`, {
        instances: [
          [5, 'plain'],
          [5, 'rare'],
        ],
      })
      expect(answer).toMatchObject({ task: 'regression', classes: null, probabilities: null })
      const [plain, rare] = (answer as { predictions: number[] }).predictions
      expect(rare! - plain!).toBeGreaterThan(100)
      const worse = await train(key, pricesCsv(400, 1), {
        configuration: JSON.stringify({ algorithms: ['mean'] }),
      })
      signatures.set('worse', signatureOf(worse))
      expect(worse.output).toMatchObject({ version: 1, promotion: { outcome: 'kept' } })
    }, 600_000)

    it('turns rows without a target into groups', async () => {
      const execution = await train(`uploads/${ada}/groups.npy`, npyOf(groupedRows(200, 3, 1)), {
        configuration: JSON.stringify({ task: 'clustering' }),
      })
      signatures.set('clustering', signatureOf(execution))
      expect(execution.output).toMatchObject({
        outcome: 'registered',
        metrics: { task: 'clustering', clusters: 3 },
      })
      const instances = [0, 1, 2].map((group) => [group * 10 + 0.5, (group % 2) * 10 + 0.5])
      expect(await predict(`/models/${ada}/groups/predictions`, { instances })).toMatchObject({
        predictions: [0, 1, 2],
      })
    }, 600_000)

    it('takes the same by a presigned PUT, with the configuration that was asked for', async () => {
      const bytes = irisNpy()
      const asked = await platform.fetch(`/datasets/${bob}/iris/uploads`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          size: bytes.length,
          configuration: { algorithms: ['majority'] },
        }),
      })
      expect(asked.status).toBe(201)
      const upload = (await asked.json()) as PresignedUpload & { key: string }
      const sent = await fetch(upload.url, {
        method: upload.method,
        headers: upload.headers,
        body: Buffer.from(bytes),
      })
      expect(sent.status).toBe(200)
      const versionId = sent.headers.get('x-amz-version-id')!
      const execution = await ended(
        platform.executions,
        await executionOf({ key: upload.key, versionId }),
      )
      signatures.set('presigned', signatureOf(execution))
      expect(execution.output).toMatchObject({ outcome: 'registered', algorithm: 'majority' })
    }, 600_000)

    it('makes the same bytes, dropped again, no second version', async () => {
      const again = await train(`uploads/${ada}/iris.npy`, irisNpy())
      signatures.set('duplicate', signatureOf(again))
      expect(again.output).toMatchObject({ outcome: 'duplicate' })
      expect(statesOf(again)).toEqual(['Claim', 'IsClaimed', 'AlreadyDone'])
      expect(await versionsOf(`${ada}/iris`)).toHaveLength(1)
    }, 600_000)

    it('tells of drift when an upload is not like what the champion was trained on', async () => {
      const moved = irisRows().map((row) => [row[0]! + 0.83, ...row.slice(1)])
      const execution = await train(`uploads/${ada}/iris.npy`, npyOf(moved))
      signatures.set('drift', signatureOf(execution))
      expect(execution.output).toMatchObject({ version: 1, drift: { verdict: 'drift' } })
      await expect
        .poll(() => toldAbout(`${ada}/iris`), { timeout: 120_000, interval: 200 })
        .toContain('Drift Detected')
    }, 600_000)

    it('quarantines a file that cannot be trained on, with its reasons', async () => {
      const rejected = await train(`uploads/${ada}/broken.npy`, Buffer.from('no array at all'))
      signatures.set('rejected', signatureOf(rejected))
      expect(rejected).toMatchObject({
        status: 'SUCCEEDED',
        output: { outcome: 'rejected', reasons: [{ code: 'NpyInvalid' }] },
      })
      expect(statesOf(rejected).at(-1)).toBe('DataRejected')
      const { report, kept } = rejected.output as { report: string; kept: string }
      expect(Buffer.from(await platform.read(report)).toString()).toContain('NpyInvalid')
      expect(Buffer.from(await platform.read(kept)).toString()).toBe('no array at all')
      expect((await platform.fetch(`/models/${ada}/broken`)).status).toBe(404)
      await expect
        .poll(() => toldAbout(`${ada}/broken`), { timeout: 120_000, interval: 200 })
        .toEqual(['Dataset Rejected'])
    }, 600_000)

    it('ends an execution for each of a hundred uploads in a burst, and doubles none', async () => {
      const crowd = `crowd-${randomUUID().slice(0, 8)}`
      const names = Array.from({ length: 100 }, (_, i) => `d${i}`)
      const metadata = { configuration: '{"algorithms": ["majority"]}' }
      // Of two features: most of the time of so short a training is the drawing of its report.
      const bytes = npyOf(irisRows().map((row) => [row[0]!, row[2]!, row.at(-1)!]))
      const uploads = await Promise.all(
        names.map(async (dataset) => {
          const key = `uploads/${crowd}/${dataset}.npy`
          return { key, ...(await platform.put(key, bytes, metadata)) }
        }),
      )
      const executions: EndedExecution[] = []
      for (const { key, versionId } of uploads) {
        // A store that is asked for more functions than it runs at once has some tried again later.
        const execution = await executionOf({ key, versionId }, 600_000)
        executions.push(await ended(platform.executions, execution, 600))
      }
      expect(executions.map(({ output }) => (output as { outcome: string }).outcome)).toEqual(
        names.map(() => 'registered'),
      )
      const models = new Set(executions.map(({ output }) => (output as { model: string }).model))
      expect(models.size).toBe(100)
      expect(await startedFor(platform, crowd)).toBe(100)
      for (const dataset of names) {
        expect(await versionsOf(`${crowd}/${dataset}`)).toHaveLength(1)
      }
    }, 1_800_000)
  })
}

/** How many executions of the training workflow were started for uploads of a user. */
async function startedFor({ executions }: ScenarioPlatform, user: string): Promise<number> {
  let started = 0
  let cursor: string | undefined
  do {
    const page = await executions.list({
      workflow: 'training',
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const { name } of page.executions) {
      const { input } = await executions.describe('training', name)
      if (JSON.stringify(input).includes(`uploads/${user}/`)) started += 1
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return started
}

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { npyOf } from '../fixtures/iris.ts'
import { before, drawnRows, flipped, type Concept } from '../fixtures/drifting.ts'
import type { ScenarioPlatform } from './platform.ts'

interface Decision {
  readonly step: string
  readonly outcome: string
  readonly execution: string
  readonly numbers: Readonly<Record<string, number>>
}

/** The concept before, with labels that are wrong at random. */
const noisy = (share: number): Concept => {
  let drawn = 0
  const draws = drawnRows(20_000, 99)
  return (row) => (draws[drawn++ % draws.length]![0]! < share ? flipped(row) : before(row))
}

/**
 * A model whose world changes while it serves, with nothing done by hand: its clients go on asking, and
 * tell the truth some time later. Each scenario has a user of its own.
 */
export function driftLoopScenarios(name: string, open: () => Promise<ScenarioPlatform>): void {
  describe(`the loop that drift closes: ${name}`, () => {
    let platform: ScenarioPlatform
    beforeAll(async () => {
      platform = await open()
    }, 600_000)
    afterAll(() => platform?.close())

    it('learns a concept that flips, and answers as well as before', async () => {
      const world = await begin('promoted')
      const accuracies: number[] = []
      for (let i = 0; i < 4; i++) accuracies.push(await world.serve(100, before))
      expect(Math.min(...accuracies)).toBeGreaterThan(0.9)
      expect(await world.serve(100, flipped)).toBeLessThan(0.1)
      const decisions = await world.serveUntil('ended', 100, flipped)
      expect(decisions.map(({ step, outcome }) => `${step}: ${outcome}`)).toEqual([
        'claimed: claimed',
        'labelled: enough',
        'training: started',
        'trained: promoted',
        'watched: confirmed',
        'ended: confirmed',
      ])
      expect(await world.champion()).toBe(1)
      await expect.poll(() => world.serve(100, flipped), polling).toBeGreaterThan(0.9)
      const told = (await platform.events()).filter(({ detail }) => detail['model'] === world.model)
      const types = told.map((event) => event['detail-type'])
      expect(types).toEqual(expect.arrayContaining(['Drift Detected', 'Retraining Ended']))
    }, 600_000)

    it('keeps a challenger out that is worse', async () => {
      const world = await begin('kept', { minLabelledRows: 1000 })
      for (let i = 0; i < 2; i++) await world.serve(250, before)
      const decisions = await world.serveUntil('ended', 500, noisy(0.3))
      expect(decisions.at(-1)).toMatchObject({ outcome: 'kept' })
      expect(decisions.at(-1)!.numbers['difference']).toBeLessThan(0)
      expect(await world.champion()).toBe(0)
    }, 600_000)

    it('takes a promotion back that the next change makes wrong', async () => {
      // So many that what is served until the promotion is noticed does not decide.
      const world = await begin('rolled-back', { watchRows: 300 })
      for (let i = 0; i < 4; i++) await world.serve(100, before)
      await world.serveUntil('labelled', 100, flipped)
      const promoted = await world.serveUntil('trained', 0, flipped)
      expect(promoted.at(-1)).toMatchObject({ step: 'trained', outcome: 'promoted' })
      const decisions = await world.serveUntil('ended', 100, before)
      expect(decisions.at(-1)).toMatchObject({ outcome: 'rolled-back' })
      expect(decisions.at(-1)!.numbers['lower']).toBeGreaterThan(0)
      expect(await world.champion()).toBe(0)
      await expect.poll(() => world.serve(100, before), polling).toBeGreaterThan(0.9)
    }, 600_000)

    /** A model with its first champion, and clients that ask it. */
    async function begin(scenario: string, policy: object = {}) {
      const user = `${scenario}-${randomUUID().slice(0, 8)}`
      const model = `${user}/parts`
      const path = `/models/${model}`
      let seed = 1
      const rows = drawnRows(400, seed).map((row) => [...row, before(row)])
      const configuration = JSON.stringify({ algorithms: ['decision-tree'], trials: 1 })
      await platform.put(`uploads/${model}.npy`, npyOf(rows), { configuration })
      await expect.poll(champion, polling).toBe(0)
      const loop = { pollSeconds: 1, coolDownSeconds: 0, runsPerDay: 1, watchRows: 100 }
      const set = await ask('PUT', `${path}/drift/policy`, { ...loop, ...policy }, seen)
      expect(set).toMatchObject({ revision: 1 })
      return { model, champion, serve, serveUntil }

      async function champion(): Promise<unknown> {
        const { version } = await ask('GET', `${path}/aliases/champion`)
        return version
      }

      /** One request of some rows, whose labels follow at once; answers its accuracy. */
      async function serve(count: number, concept: Concept): Promise<number> {
        const instances = drawnRows(count, ++seed)
        const answer = await ask('POST', `${path}/predictions`, { instances })
        const { id, predictions } = answer as { id: string; predictions: number[] }
        const labels = instances.map(concept)
        await ask('POST', `/predictions/${encodeURIComponent(id)}/feedback`, { labels })
        return predictions.filter((given, i) => given === labels[i]).length / count
      }

      /** Serves until the retraining has come to a step, if any; answers its decisions in order. */
      async function serveUntil(step: string, count: number, concept: Concept) {
        let decisions: Decision[] = []
        await expect
          .poll(async () => {
            if (count > 0) await serve(count, concept)
            const page = await ask('GET', `${path}/drift/decisions`)
            const all = (page['decisions'] as Decision[]).toReversed()
            const of = all.find(({ outcome }) => outcome === 'claimed')?.execution
            decisions = all.filter(({ execution }) => execution === of)
            return decisions.map((one) => one.step)
          }, polling)
          .toContain(step)
        return decisions
      }
    }

    async function ask(
      method: string,
      path: string,
      body?: unknown,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Record<string, unknown>> {
      const response = await platform.fetch(path, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return (await response.json()) as Record<string, unknown>
    }
  })
}

const polling = { timeout: 240_000, interval: 300 }
const seen = { 'if-match': '"0"' }

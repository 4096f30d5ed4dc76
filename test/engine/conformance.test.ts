import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import adapterOf from './conformance-adapter.ts'

// Recorded results are no part of the project: https://github.com/localstack/localstack has them.
const folder = join(import.meta.dirname, '../../../shared/asl')
const isPresent = existsSync(join(folder, 'run.mjs'))

/** What a case is run and judged by, of the folder's own runner. */
interface Runner {
  Mocks: Parameters<typeof adapterOf>[0]['Mocks']
  loadCases(directory: string): Case[]
  judge(testCase: Case, outcome: unknown): Verdict
}

interface Case {
  readonly name: string
  readonly file: string
  readonly definition: unknown
  readonly rawDefinition?: string
  readonly input?: unknown
  readonly mockedTasks?: unknown
  readonly groundTruth?: string
  readonly valid?: boolean
  readonly type?: string
  readonly realTime?: boolean
  readonly slow?: boolean
}

interface Verdict {
  readonly pass: boolean
  readonly history: boolean | null
  readonly inputs: boolean | null
}

interface Ran extends Verdict {
  readonly name: string
  readonly file: string
}

describe.skipIf(!isPresent)(
  'results recorded on the service (skipped without their folder)',
  () => {
    const ran: Ran[] = []
    const accepted: Case[] = []
    const refused: Case[] = []
    const verdicts = new Map<Case, boolean>()

    beforeAll(async () => {
      const runner = (await import(join(folder, 'run.mjs'))) as Runner
      const adapter = await adapterOf(runner)
      const runCase = async (testCase: Case) => {
        const { name, file, definition, input, mockedTasks } = testCase
        const outcome = await adapter
          .run(definition, input, mockedTasks, testCase)
          .catch((error: unknown) => ({ status: 'NOT_RUN', cause: String(error) }))
        ran.push({ name, file, ...runner.judge(testCase, outcome) })
      }
      const queue = runner.loadCases(join(folder, 'cases'))
      const work = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) await runCase(next)
      }
      await Promise.all(Array.from({ length: 8 }, work))
      for (const testCase of runner.loadCases(join(folder, 'static'))) {
        if (testCase.groundTruth !== 'aws-recorded') continue
        if (testCase.valid === true) accepted.push(testCase)
        else refused.push(testCase)
        const { definition, rawDefinition } = testCase
        verdicts.set(testCase, (await adapter.validate(definition, rawDefinition, testCase)).valid)
      }
    })

    it('are had in at least 98% of the cases, also without the many of the choice operators', () => {
      expect(ran.length).toBeGreaterThan(500)
      expect(share(ran, ({ pass }) => pass)).toBeGreaterThanOrEqual(0.98)
      const others = ran.filter(({ file }) => !file.includes('choice_operators'))
      expect(share(others, ({ pass }) => pass)).toBeGreaterThanOrEqual(0.98)
    })

    it('come with what the tasks are given and with the events, in at least 95%', () => {
      const withInputs = ran.filter(({ inputs }) => inputs !== null)
      expect(share(withInputs, ({ inputs }) => inputs === true)).toBeGreaterThanOrEqual(0.95)
      const withHistory = ran.filter(({ history }) => history !== null)
      expect(share(withHistory, ({ history }) => history === true)).toBeGreaterThanOrEqual(0.95)
    })

    it('of definitions: what is accepted there is accepted, what is refused there is refused', () => {
      expect(accepted.filter((each) => verdicts.get(each) !== true).length).toBeLessThanOrEqual(2)
      expect(
        refused.filter((each) => verdicts.get(each) !== false).map(({ name }) => name),
      ).toEqual([])
    })

    it('differ only where docs/conformance.md says so', () => {
      const differing = [
        ...ran.filter(({ pass }) => !pass).map(({ name }) => `result of ${shortName(name)}`),
        ...ran
          .filter((each) => each.history === false)
          .map(({ name }) => `events of ${shortName(name)}`),
        ...ran
          .filter((each) => each.inputs === false)
          .map(({ name }) => `inputs of ${shortName(name)}`),
        ...[...verdicts]
          .filter(([{ valid }, verdict]) => valid !== verdict)
          .map(([{ name }]) => `verdict on ${shortName(name)}`),
      ]
      expect(differing.sort()).toEqual(documented().sort())
    })
  },
)

function share<T>(items: readonly T[], accepts: (item: T) => boolean): number {
  return items.filter(accepts).length / items.length
}

/** The name without the file it was recorded in. */
function shortName(name: string): string {
  return name.split('::').at(-1)!
}

/** The first column of the table of differences: `events of test_parallel_state_order`. */
function documented(): string[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/conformance.md'), 'utf8')
  return [...text.matchAll(/^\| `((?:result|events|inputs) of .*?|verdict on .*?)` +\|/gm)].map(
    (match) => match[1]!,
  )
}

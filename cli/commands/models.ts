import type { Command } from 'commander'
import { isMillraceError, MillraceError, pages } from '../../platform/ports/index.ts'
import { connect } from '../connect.ts'
import type { Run } from '../options.ts'
import { addLocationOptions, locationOf } from '../platform-location.ts'
import { parseModel, formatModel } from '../../tasks/names.ts'
import { figure, printJson, printLine, table } from '../terminal.ts'

interface ModelSummary {
  model: string
  champion: number | null
  task: string | null
  algorithm: string | null
  metric: string | null
  score: number | null
  trainedAt: string | null
}

interface ModelDescription {
  model: string
  aliases: Record<string, { version: number; since: string }>
  versions: {
    version: number
    algorithm: string
    metric: string
    score: number | null
    heldOutRows: number
    registeredAt: string
  }[]
}

export function addModels(program: Command, { terminal }: Run): void {
  const command = program
    .command('models')
    .argument('[model]', 'one model, as <user>/<dataset>: its aliases and versions')
    .description('list the models and the versions that answer predictions')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace models
  $ millrace models ada/iris
  $ millrace models --stack Millrace
  $ millrace models --json | jq '.models[].champion'`,
    )
    .action(async (model: string | undefined, options: { json?: boolean }) => {
      const location = locationOf(command)
      const client = await connect(location, terminal.signal)
      if (model !== undefined) {
        const path = `/models/${formatModel(parseModel(model))}`
        const found = await client
          .get<ModelDescription>(path, { limit: 100 })
          .catch((error: unknown) => {
            if (!isMillraceError(error, 'ModelNotFound')) throw error
            throw new MillraceError(
              'ModelNotFound',
              `there is no model ${model}; npx millrace models${location.argument} lists them`,
            )
          })
        if (options.json) return printJson(terminal.out, found)
        return printLine(terminal.out, describeModel(found))
      }
      const models: ModelSummary[] = []
      const ask = (cursor?: string) =>
        client.get<{ models: ModelSummary[]; cursor?: string }>('/models', { limit: 100, cursor })
      for await (const page of pages(ask)) models.push(...page.models)
      if (options.json) return printJson(terminal.out, { models })
      if (models.length === 0) {
        return printLine(
          terminal.out,
          location.kind === 'embedded'
            ? `No models yet. Copy a file to ${location.dataDir}/bucket/uploads/<user>/<dataset>.npy`
            : `No models yet. Upload a file with: npx millrace put <file>${location.argument}`,
        )
      }
      const rows = models.map((one) => [
        one.model,
        one.champion,
        one.task,
        one.algorithm,
        describeScore(one),
        one.trainedAt,
      ])
      printLine(
        terminal.out,
        table(['MODEL', 'CHAMPION', 'TASK', 'ALGORITHM', 'SCORE', 'TRAINED'], rows),
      )
    })
  addLocationOptions(command)
}

function describeModel({ model, aliases, versions }: ModelDescription): string {
  const aliasesOf = (version: number) =>
    Object.keys(aliases)
      .filter((alias) => aliases[alias]!.version === version)
      .join(', ')
  const rows = versions.map((one) => [
    one.version,
    aliasesOf(one.version),
    one.algorithm,
    describeScore(one),
    one.heldOutRows,
    one.registeredAt,
  ])
  const header = ['VERSION', 'ALIASES', 'ALGORITHM', 'SCORE', 'HELD OUT', 'REGISTERED']
  return `${model}\n${table(header, rows)}`
}

function describeScore({ metric, score }: { metric: string | null; score: number | null }) {
  return metric === null || score === null ? null : `${metric} ${figure(score)}`
}

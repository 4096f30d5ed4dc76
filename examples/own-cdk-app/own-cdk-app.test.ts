import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { memoryPorts, runWorkflow } from 'millrace/testing'
import { describe, expect, it } from 'vitest'
import { OwnStack } from './stack.ts'
import { modelCards } from './workflow.ts'

const promoted = {
  model: 'ada/iris',
  version: 1,
  previousVersion: 0,
  movedBy: 'training-1',
  reason: 'not worse',
}

describe('the workflow', () => {
  it('writes a card for a version that serves, embedded', async () => {
    const ports = memoryPorts()
    const run = await runWorkflow(modelCards, { input: { detail: promoted }, ports })
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      states: ['WriteCard', 'IsFirst', 'Replaced'],
      output: { card: 'cards/ada/iris/1.md', replaced: 0 },
    })
    const card = new TextDecoder().decode(await ports.objects.read('cards/ada/iris/1.md'))
    expect(card).toContain('Serves because: not worse')
  })
})

describe('the app', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'own-cdk-app-'))
  const app = new App({ outdir })
  const stack = new OwnStack(app, 'Own', { platform: { functionsDirectory: standIns() } })
  const template = Template.fromStack(stack)

  it('deploys the same definition, started by promotions', () => {
    const definition = readFileSync(join(import.meta.dirname, 'model-cards.asl.json'), 'utf8')
    template.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineName: 'Own-model-cards',
      DefinitionString: definition,
      DefinitionSubstitutions: {
        WriteCard: { Ref: Match.stringLikeRegexp('^ModelCardsWriteCardCurrentVersion') },
      },
    })
    template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['millrace'], 'detail-type': ['Model Promoted'] },
      Targets: [{ Arn: { Ref: Match.stringLikeRegexp('^ModelCardsStateMachine') } }],
    })
  })

  it('lets the task write cards alone, and gives it the time of its state', () => {
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyName: Match.stringLikeRegexp('^ModelCardsWriteCardRole'),
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: Match.arrayWith(['s3:PutObject']),
            Resource: {
              'Fn::Join': [
                '',
                [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^PlatformBucket'), 'Arn'] }, '/cards/*'],
              ],
            },
          }),
        ]),
      },
    })
    template.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: 30,
      Role: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ModelCardsWriteCardRole'), 'Arn'] },
    })
  })

  it('bundles the function of the task, whole, with its source map', async () => {
    const bundles = readdirSync(outdir)
      .map((name) => join(outdir, name))
      .filter((path) => path.includes('asset.') && existsIn(path, 'index.mjs.map'))
    expect(bundles).toHaveLength(1)
    const bundled = (await import(join(bundles[0]!, 'index.mjs'))) as { handler: unknown }
    expect(bundled.handler).toBeTypeOf('function')
    const text = readFileSync(join(bundles[0]!, 'index.mjs'), 'utf8')
    expect(text).not.toMatch(/from\s*["'](@aws-sdk|millrace|zod)/)
  })

  it('tells all functions of both workflows', () => {
    for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function'))) {
      const { Environment } = Properties as { Environment: { Variables: object } }
      const machines = JSON.stringify(Environment.Variables)
      expect(machines).toContain('Own-training')
      expect(machines).toContain('Own-model-cards')
    }
  })
})

/** Bundles in place of the prebuilt ones, which are not looked at here. */
function standIns(): string {
  const directory = mkdtempSync(join(tmpdir(), 'own-cdk-app-functions-'))
  for (const name of platformFunctions) {
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, 'index.mjs'), 'export const handler = () => null\n')
  }
  return directory
}

const platformFunctions = [
  ...['claim', 'validate', 'quarantine', 'train', 'evaluate', 'register', 'check-drift'],
  ...[
    'promote',
    'announce',
    'report',
    'api',
    'predictions',
    'messages',
    'usage',
    'authorizer',
    'sweep',
  ],
  ...[
    'plan-batch',
    'rewrite-rows',
    'predict-range',
    'join-batch',
    'claim-retraining',
    'count-labels',
    'monitors',
  ],
  ...['prepare-retraining', 'await-training', 'watch-promotion', 'end-retraining'],
  'record-retraining',
]

function existsIn(directory: string, name: string): boolean {
  return readdirSync(directory).includes(name)
}

import { join } from 'node:path'
import { Stack, type StackProps } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { TrainingPlatform, Workflow, type TrainingPlatformProps } from 'millrace/cdk'
import { modelCards } from './workflow.ts'

/** A platform with a workflow of our own on it, whose task writes objects under `cards/`. */
export class OwnStack extends Stack {
  constructor(
    scope: Construct,
    id: string,
    props: StackProps & { readonly platform?: TrainingPlatformProps } = {},
  ) {
    super(scope, id, props)
    const platform = new TrainingPlatform(this, 'Platform', props.platform)
    new Workflow(this, 'ModelCards', {
      platform,
      name: modelCards.name,
      definitionFile: join(import.meta.dirname, 'model-cards.asl.json'),
      trigger: modelCards.trigger,
      tasks: {
        WriteCard: {
          entry: join(import.meta.dirname, 'functions', 'write-card.ts'),
          uses: ['objects.put cards/*'],
        },
      },
    })
  }
}

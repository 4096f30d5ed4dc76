import { defineWorkflow } from 'millrace'
import definition from './model-cards.asl.json' with { type: 'json' }
import { writeCard } from './write-card.ts'

/** Starts for every model version that begins to serve. */
export const modelCards = defineWorkflow({
  name: 'model-cards',
  definition,
  tasks: [writeCard],
  trigger: { source: ['millrace'], 'detail-type': ['Model Promoted'] },
})

import { onTestFinished } from 'vitest'
import { type Engine, type EngineOptions, openEngine } from '../../engine/index.ts'
import { functionsOf, hang } from './support.ts'

/** An engine, in memory unless the options say otherwise, that is closed when the test is over. */
export async function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const engine = await openEngine({ tasks: functionsOf({ hang }), ...options })
  onTestFinished(() => engine.close())
  return engine
}

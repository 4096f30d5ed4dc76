import { expect } from 'vitest'
import { type Diagnostic, EngineError, openEngine } from '../../engine/index.ts'

/** The faults of a definition, as `CODE location message`; none when it is accepted. */
export async function faultsOf(definition: string): Promise<string[]> {
  const engine = await openEngine({ tasks: () => undefined })
  try {
    await engine.createStateMachine({ name: 'm', definition })
    return []
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    expect(error.name).toBe('InvalidDefinition')
    const { diagnostics } = error.details as { diagnostics: Diagnostic[] }
    for (const { message } of diagnostics) expect(error.message).toContain(message)
    return diagnostics.map(({ code, location, message }) => `${code} ${location} ${message}`)
  } finally {
    await engine.close()
  }
}

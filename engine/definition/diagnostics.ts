import { EngineError } from '../errors.ts'

/** One fault of a definition. `location` is a JSON pointer into it. */
export interface Diagnostic {
  readonly severity: 'ERROR'
  readonly code:
    | 'INVALID_JSON_DESCRIPTION'
    | 'SCHEMA_VALIDATION_FAILED'
    | 'MISSING_TRANSITION_TARGET'
    | 'DUPLICATE_STATE_NAME'
    | 'NOT_SUPPORTED'
  readonly message: string
  readonly location: string
}

export class Diagnostics {
  readonly found: Diagnostic[] = []

  add(code: Diagnostic['code'], place: readonly string[], message: string): void {
    this.found.push({ severity: 'ERROR', code, message, location: pointer(place) })
  }

  /** Throws InvalidDefinition with every fault in its message and its details, if there is one. */
  throwIfAny(): void {
    if (this.found.length === 0) return
    const faults = this.found.map(
      ({ code, message, location }) => `${code}: ${message} at ${location || '/'}`,
    )
    throw new EngineError(
      'InvalidDefinition',
      `Invalid State Machine Definition: '${faults.join(', ')}'`,
      { details: { diagnostics: this.found } },
    )
  }
}

/** RFC 6901. */
function pointer(place: readonly string[]): string {
  return place.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

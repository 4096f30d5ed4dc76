import { EngineError } from '../errors.ts'

/** One fault of a definition, as ValidateStateMachineDefinition shows it. */
export interface Diagnostic {
  readonly severity: 'ERROR'
  readonly code:
    | 'INVALID_JSON_DESCRIPTION'
    | 'INVALID_JSONATA_EXPRESSION'
    | 'UNSUPPORTED_JSONATA_EXPRESSION'
    | 'MISSING_END_STATE'
    | 'SCHEMA_VALIDATION_FAILED'
    | 'MISSING_TRANSITION_TARGET'
    | 'DUPLICATE_STATE_NAME'
    | 'NOT_SUPPORTED'
  readonly message: string
  /** As `/States/Choose/Choices[0]/Variable`; empty for the definition itself. */
  readonly location: string
}

/** The names of fields and the indexes that lead to a value of a definition. */
export type Place = readonly (string | number)[]

export class Diagnostics {
  readonly found: Diagnostic[] = []

  add(code: Diagnostic['code'], place: Place, message: string): void {
    this.found.push({ severity: 'ERROR', code, message, location: locationOf(place) })
  }

  /** Throws InvalidDefinition with every fault in its message and its details, if there is one. */
  throwIfAny(): void {
    if (this.found.length === 0) return
    const faults = this.found.map(({ code, message, location }) =>
      `${code}: ${message} ${location === '' ? '' : `at ${location}`}`.trimEnd(),
    )
    throw new EngineError(
      'InvalidDefinition',
      `Invalid State Machine Definition: '${faults.join(', ')}'`,
      { details: { diagnostics: this.found } },
    )
  }
}

function locationOf(place: Place): string {
  return place.map((part) => (typeof part === 'number' ? `[${part}]` : `/${part}`)).join('')
}

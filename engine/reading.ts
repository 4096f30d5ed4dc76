import { type Json, setProperty } from './data.ts'
import type { Scope } from './execution.ts'
import type { Reading } from './template.ts'

interface ReadingParts {
  readonly root: () => Json
  readonly context: () => Json
  readonly variables: () => Readonly<Record<string, Json>>
  readonly states: (context: Json) => Readonly<Record<string, Json>>
}

/** Makes each part of a reading when it is first asked for. */
export class LazyReading implements Reading {
  readonly #make: ReadingParts
  #root: Json | undefined
  #context: Json | undefined
  #variables: Readonly<Record<string, Json>> | undefined
  #bindings: Readonly<Record<string, unknown>> | undefined

  constructor(make: ReadingParts) {
    this.#make = make
  }

  get root(): Json {
    return (this.#root ??= this.#make.root())
  }

  get context(): Json {
    return (this.#context ??= this.#make.context())
  }

  get variables(): Readonly<Record<string, Json>> {
    return (this.#variables ??= this.#make.variables())
  }

  get bindings(): Readonly<Record<string, unknown>> {
    return (this.#bindings ??= { ...this.variables, states: this.#make.states(this.context) })
  }
}

/** The variables of the scope and of those around it; the inner ones hide the outer ones. */
export function variablesIn(scope: Scope): Record<string, Json> {
  const variables = scope.parent === undefined ? {} : variablesIn(scope.parent.scope)
  for (const name of Object.keys(scope.variables)) {
    setProperty(variables, name, scope.variables[name]!)
  }
  return variables
}

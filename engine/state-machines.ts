import { randomUUID } from 'node:crypto'
import type * as api from './api-types.ts'
import type { Clock } from './clock.ts'
import { digestOf, readDefinition } from './definition/read.ts'
import type { StateMachine } from './definition/states.ts'
import { describeStateMachine } from './descriptions.ts'
import { EngineError } from './errors.ts'
import type { ExpressionHost } from './jsonata/functions.ts'
import {
  checkArn,
  checkName,
  checkPageSize,
  checkText,
  pageToken,
  readPageToken,
} from './requests.ts'
import type { StateMachineRow, Store } from './store.ts'

export interface Origin {
  readonly region: string
  readonly account: string
}

/** Definitions read and kept, with what is parsed in them. */
const cachedDefinitions = 1000

/** The operations on state machines. */
export class StateMachines {
  readonly #store: Store
  readonly #clock: Clock
  readonly #origin: Origin
  readonly #host: ExpressionHost
  readonly #machines = new Map<string, StateMachine>()

  constructor(store: Store, clock: Clock, origin: Origin, host: ExpressionHost) {
    this.#store = store
    this.#clock = clock
    this.#origin = origin
    this.#host = host
  }

  create(input: api.CreateStateMachineInput): api.CreateStateMachineOutput {
    const name = checkName(input.name, 'a state machine')
    const type: unknown = input.type ?? 'STANDARD'
    if (type !== 'STANDARD') {
      throw new EngineError(
        'StateMachineTypeNotSupported',
        `only state machines of the type STANDARD are supported yet; found ${JSON.stringify(type)}`,
      )
    }
    const { region, account } = this.#origin
    const arn = `arn:aws:states:${region}:${account}:stateMachine:${name}`
    const digest = this.#check(input.definition)
    const roleArn =
      checkText(input.roleArn, 'roleArn', 256) ?? `arn:aws:iam::${account}:role/${name}`
    const existing = this.#store.stateMachine(arn)
    if (existing !== undefined) {
      if (existing.digest === digest && existing.roleArn === roleArn) {
        return { stateMachineArn: arn, creationDate: new Date(existing.created) }
      }
      throw new EngineError(
        'StateMachineAlreadyExists',
        `State Machine Already Exists: '${arn}' has another definition or role; updateStateMachine changes it`,
      )
    }
    const now = this.#clock.now()
    const revisionId = randomUUID()
    this.#put(
      { arn, name, digest, roleArn, created: now, updated: now, revisionId },
      input.definition,
    )
    return { stateMachineArn: arn, creationDate: new Date(now) }
  }

  update(input: api.UpdateStateMachineInput): api.UpdateStateMachineOutput {
    const row = this.row(input.stateMachineArn)
    const roleArn = checkText(input.roleArn, 'roleArn', 256) ?? row.roleArn
    if (input.definition === undefined && input.roleArn === undefined) {
      throw new EngineError(
        'ValidationException',
        'an update has a definition, a roleArn or both; found neither',
      )
    }
    const definition = input.definition ?? this.#store.definition(row.digest)
    const digest = this.#check(definition)
    const updated = this.#clock.now()
    const revisionId = randomUUID()
    this.#put({ ...row, digest, roleArn, updated, revisionId }, definition)
    return { updateDate: new Date(updated), revisionId }
  }

  describe(input: { stateMachineArn: string }): api.StateMachineDescription {
    const row = this.row(input.stateMachineArn)
    return describeStateMachine(row, this.#store.definition(row.digest))
  }

  list(input: api.Page): { stateMachines: api.StateMachineListItem[]; nextToken?: string } {
    const limit = checkPageSize(input.maxResults)
    const after = readPageToken('ListStateMachines', input.nextToken) ?? ''
    const rows = this.#store.stateMachines(String(after), limit + 1)
    const page = rows.slice(0, limit)
    return {
      stateMachines: page.map((row) => ({
        stateMachineArn: row.arn,
        name: row.name,
        type: 'STANDARD',
        creationDate: new Date(row.created),
      })),
      ...(rows.length > limit
        ? { nextToken: pageToken('ListStateMachines', page.at(-1)!.arn) }
        : {}),
    }
  }

  /** Throws InvalidArn, StateMachineDoesNotExist. */
  row(arn: unknown): StateMachineRow {
    const row = this.#store.stateMachine(checkArn(arn, 'stateMachine'))
    if (row !== undefined) return row
    throw new EngineError(
      'StateMachineDoesNotExist',
      `State Machine Does Not Exist: '${String(arn)}'`,
    )
  }

  /** The definition of a digest, ready to run. */
  machine(digest: string): StateMachine {
    return this.#machines.get(digest) ?? this.#read(digest, this.#store.definition(digest))
  }

  /** Throws InvalidDefinition. Answers the definition's digest. */
  #check(definition: unknown): string {
    if (typeof definition !== 'string') {
      throw new EngineError('InvalidDefinition', 'the definition is JSON text')
    }
    const digest = digestOf(definition)
    if (!this.#machines.has(digest)) this.#read(digest, definition)
    return digest
  }

  #read(digest: string, definition: string): StateMachine {
    const machine = readDefinition(definition, this.#host)
    if (this.#machines.size >= cachedDefinitions) {
      this.#machines.delete(this.#machines.keys().next().value!)
    }
    this.#machines.set(digest, machine)
    return machine
  }

  #put(row: StateMachineRow, definition: string): void {
    this.#store.transaction(() => {
      this.#store.putDefinition(row.digest, definition)
      this.#store.putStateMachine(row)
    })
  }
}

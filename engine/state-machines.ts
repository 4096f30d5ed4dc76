import { randomUUID } from 'node:crypto'
import type * as api from './api-types.ts'
import type { Clock } from './clock.ts'
import { type Diagnostic, Diagnostics } from './definition/diagnostics.ts'
import { checkExpress } from './definition/express.ts'
import { digestOf, readDefinition } from './definition/read.ts'
import type { StateMachine } from './definition/states.ts'
import { describeStateMachine } from './descriptions.ts'
import { EngineError, isEngineError } from './errors.ts'
import type { StateMachineTypeName } from './execution.ts'
import type { ExpressionHost } from './jsonata/functions.ts'
import {
  checkArn,
  checkName,
  checkOneOf,
  checkPageSize,
  checkText,
  pageToken,
  readPageToken,
} from './requests.ts'
import { readSettings, type Settings, withTags } from './settings.ts'
import type { StateMachineRow, Store } from './store.ts'

export interface Origin {
  readonly region: string
  readonly account: string
}

/** Definitions read and kept, with what is parsed in them. */
const cachedDefinitions = 1000

const maximumDiagnostics = 100

/** The operations on state machines. */
export class StateMachines {
  readonly #store: Store
  readonly #clock: Clock
  readonly #origin: Origin
  readonly #host: ExpressionHost
  readonly #machines = new Map<string, StateMachine>()
  readonly #deleting = new Set<string>()

  constructor(store: Store, clock: Clock, origin: Origin, host: ExpressionHost) {
    this.#store = store
    this.#clock = clock
    this.#origin = origin
    this.#host = host
  }

  create(input: api.CreateStateMachineInput): api.CreateStateMachineOutput {
    const name = checkName(input.name, 'a state machine')
    const type = checkType(input.type)
    checkPublish(input.publish)
    const { region, account } = this.#origin
    const arn = `arn:aws:states:${region}:${account}:stateMachine:${name}`
    const digest = this.#check(input.definition, type)
    const settings = readSettings(input)
    const roleArn =
      checkText(input.roleArn, 'roleArn', 256) ?? `arn:aws:iam::${account}:role/${name}`
    const existing = this.#store.stateMachine(arn)
    if (existing !== undefined) {
      this.#checkActive(arn)
      // Another role and other tags make no difference, and are not taken over.
      const isSame =
        existing.digest === digest &&
        existing.type === type &&
        configurationOf(this.#store.settings(arn)) === configurationOf(settings)
      if (isSame) return { stateMachineArn: arn, creationDate: new Date(existing.created) }
      throw new EngineError('StateMachineAlreadyExists', `State Machine Already Exists: '${arn}'`)
    }
    const now = this.#clock.now()
    const revisionId = randomUUID()
    this.#put(
      { arn, name, digest, roleArn, created: now, updated: now, revisionId, type },
      input.definition,
      settings,
    )
    return { stateMachineArn: arn, creationDate: new Date(now) }
  }

  update(input: api.UpdateStateMachineInput): api.UpdateStateMachineOutput {
    const row = this.row(input.stateMachineArn)
    this.#checkActive(row.arn)
    checkPublish(input.publish)
    const settings = readSettings(input)
    const roleArn = checkText(input.roleArn, 'roleArn', 256) ?? row.roleArn
    const isChanged = input.definition !== undefined || input.roleArn !== undefined
    if (!isChanged && Object.keys(settings).length === 0) {
      throw new EngineError(
        'ValidationException',
        'Either the definition, the role ARN, the LoggingConfiguration, the TracingConfiguration or the EncryptionConfiguration must be specified',
      )
    }
    const definition = input.definition ?? this.#store.definition(row.digest)
    const digest = this.#check(definition, row.type)
    const updated = this.#clock.now()
    const revisionId = randomUUID()
    this.#put({ ...row, digest, roleArn, updated, revisionId }, definition, {
      ...this.#store.settings(row.arn),
      ...settings,
    })
    return { updateDate: new Date(updated), revisionId }
  }

  describe(input: { stateMachineArn: string }): api.StateMachineDescription {
    const row = this.row(input.stateMachineArn)
    const status = this.#deleting.has(row.arn) ? 'DELETING' : 'ACTIVE'
    const settings = this.#store.settings(row.arn)
    return describeStateMachine(row, this.#store.definition(row.digest), settings, status)
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
        type: row.type,
        creationDate: new Date(row.created),
      })),
      ...(rows.length > limit
        ? { nextToken: pageToken('ListStateMachines', page.at(-1)!.arn) }
        : {}),
    }
  }

  /** Whether or not there is such a state machine. `stopAll` ends the executions of it that run. */
  async delete(
    input: { stateMachineArn: string },
    stopAll: (stateMachineArn: string) => Promise<void>,
  ): Promise<void> {
    const arn = checkArn(input.stateMachineArn, 'stateMachine')
    if (this.#store.stateMachine(arn) === undefined || this.#deleting.has(arn)) return
    this.#deleting.add(arn)
    try {
      await stopAll(arn)
      this.#store.transaction(() => {
        this.#store.deleteStateMachine(arn)
      })
    } finally {
      this.#deleting.delete(arn)
    }
  }

  validate(
    input: api.ValidateStateMachineDefinitionInput,
  ): api.ValidateStateMachineDefinitionOutput {
    const type = checkType(input.type)
    checkOneOf(input.severity, 'severity', ['ERROR', 'WARNING'])
    const { maxResults = 0 } = input
    if (!Number.isInteger(maxResults) || maxResults < 0 || maxResults > maximumDiagnostics) {
      throw new EngineError(
        'ValidationException',
        `maxResults is an integer from 0 to ${maximumDiagnostics}; found ${JSON.stringify(maxResults)}`,
      )
    }
    const found = this.#diagnose(input.definition, type)
    const limit = maxResults || maximumDiagnostics
    return {
      result: found.length === 0 ? 'OK' : 'FAIL',
      diagnostics: found.slice(0, limit),
      truncated: found.length > limit,
    }
  }

  tag({ resourceArn, tags }: { resourceArn: string; tags: readonly api.Tag[] }): void {
    this.#changeTags(resourceArn, (old) => withTags(old, tags))
  }

  untag({ resourceArn, tagKeys }: { resourceArn: string; tagKeys: readonly string[] }): void {
    if (!Array.isArray(tagKeys)) {
      throw new EngineError('ValidationException', 'tagKeys is a list of keys')
    }
    this.#changeTags(resourceArn, (old) => old.filter(({ key }) => !tagKeys.includes(key)))
  }

  tags({ resourceArn }: { resourceArn: string }): { tags: readonly api.Tag[] } {
    return { tags: this.#store.settings(this.#taggable(resourceArn)).tags ?? [] }
  }

  /** Throws InvalidArn, StateMachineDoesNotExist. */
  row(arn: unknown): StateMachineRow {
    const row = this.find(arn)
    if (row !== undefined) return row
    throw new EngineError(
      'StateMachineDoesNotExist',
      `State Machine Does Not Exist: '${String(arn)}'`,
    )
  }

  /** As `row`, where it may have been deleted. Throws InvalidArn. */
  find(arn: unknown): StateMachineRow | undefined {
    return this.#store.stateMachine(checkArn(arn, 'stateMachine'))
  }

  /** As `row`, of which executions can be started. Throws StateMachineDeleting, too. */
  activeRow(arn: unknown): StateMachineRow {
    const row = this.row(arn)
    this.#checkActive(row.arn)
    return row
  }

  /** The definition of a digest, ready to run. */
  machine(digest: string): StateMachine {
    return this.#machines.get(digest) ?? this.#read(digest, this.#store.definition(digest))
  }

  /** Throws InvalidDefinition. Answers the definition's digest. */
  #check(definition: unknown, type: StateMachineTypeName): string {
    if (typeof definition !== 'string') {
      throw new EngineError('InvalidDefinition', 'the definition is JSON text')
    }
    const digest = digestOf(definition)
    const machine = this.#machines.get(digest) ?? this.#read(digest, definition)
    if (type === 'EXPRESS') {
      const diagnostics = new Diagnostics()
      checkExpress(machine, diagnostics)
      diagnostics.throwIfAny()
    }
    return digest
  }

  #diagnose(definition: string, type: StateMachineTypeName): readonly Diagnostic[] {
    try {
      this.#check(definition, type)
      return []
    } catch (error) {
      if (!isEngineError(error, 'InvalidDefinition')) throw error
      const { diagnostics } = (error.details ?? {}) as { diagnostics?: readonly Diagnostic[] }
      if (diagnostics === undefined) throw error
      return diagnostics
    }
  }

  #read(digest: string, definition: string): StateMachine {
    const machine = readDefinition(definition, this.#host)
    if (this.#machines.size >= cachedDefinitions) {
      this.#machines.delete(this.#machines.keys().next().value!)
    }
    this.#machines.set(digest, machine)
    return machine
  }

  #put(row: StateMachineRow, definition: string, settings: Settings): void {
    this.#store.transaction(() => {
      this.#store.putDefinition(row.digest, definition)
      this.#store.putStateMachine(row)
      this.#store.putSettings(row.arn, settings)
    })
  }

  #checkActive(arn: string): void {
    if (!this.#deleting.has(arn)) return
    throw new EngineError('StateMachineDeleting', `State Machine is deleting: '${arn}'`)
  }

  #changeTags(resourceArn: string, change: (tags: readonly api.Tag[]) => api.Tag[]): void {
    const arn = this.#taggable(resourceArn)
    const settings = this.#store.settings(arn)
    this.#store.transaction(() => {
      this.#store.putSettings(arn, { ...settings, tags: change(settings.tags ?? []) })
    })
  }

  #taggable(resourceArn: unknown): string {
    const row = this.find(resourceArn)
    if (row !== undefined) return row.arn
    throw new EngineError('ResourceNotFound', `Resource not found: '${String(resourceArn)}'`)
  }
}

/** Throws StateMachineTypeNotSupported. */
function checkType(type: unknown = 'STANDARD'): StateMachineTypeName {
  if (type === 'STANDARD' || type === 'EXPRESS') return type
  throw new EngineError(
    'StateMachineTypeNotSupported',
    `the type of a state machine is STANDARD or EXPRESS; found ${JSON.stringify(type)}`,
  )
}

function checkPublish(publish: unknown): void {
  if (publish === undefined || publish === false) return
  throw new EngineError(
    'ValidationException',
    'publish: this engine has no versions of state machines; leave it out',
  )
}

function configurationOf(settings: Settings): string {
  const { loggingConfiguration, tracingConfiguration, encryptionConfiguration } = settings
  return JSON.stringify([loggingConfiguration, tracingConfiguration, encryptionConfiguration])
}

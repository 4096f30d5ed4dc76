import { Stack } from 'aws-cdk-lib'
import type { Role } from 'aws-cdk-lib/aws-iam'
import { allow } from './acknowledge.ts'
import type { PlatformResources } from './platform-resources.ts'

/**
 * What a function asks of its platform: a port's method, and after a space to what it is limited.
 * Methods of `objects` are limited to keys (`objects.read sales/*`), those of `executions` to a
 * workflow (`executions.start training`); without a limit they reach all keys, and all workflows of
 * the platform. Clock, compute, log lines and metrics need no permission.
 */
export type Use = PortMethod | `objects.${keyof typeof objects} ${string}` | ExecutionsUse

export type PortMethod =
  | `objects.${keyof typeof objects}`
  | `table.${keyof typeof table}`
  | `queue.${keyof typeof queue}`
  | `log.${keyof typeof log}`
  | `executions.${keyof typeof executions}`
  | 'bus.publish'

type ExecutionsUse = `executions.${keyof typeof executions} ${string}`

const readObjects = ['s3:GetObject', 's3:GetObjectVersion'] as const

/**
 * Actions on the objects, on those whose keys are folders of theirs, and on the bucket itself. A write
 * looks whether its key would be a file and a folder at once; without ListBucket S3 tells of an object
 * that is not there as of one that may not be read.
 */
const objects = {
  put: {
    objects: ['s3:PutObject', 's3:AbortMultipartUpload', ...readObjects],
    folders: ['s3:GetObject'],
    bucket: ['s3:ListBucket'],
  },
  head: { objects: readObjects, folders: [], bucket: ['s3:ListBucket'] },
  read: { objects: readObjects, folders: [], bucket: ['s3:ListBucket'] },
  list: { objects: [], folders: [], bucket: ['s3:ListBucketVersions'] },
  versions: { objects: [], folders: [], bucket: ['s3:ListBucketVersions'] },
  delete: { objects: ['s3:DeleteObject'], folders: [], bucket: [] },
  presignUpload: { objects: ['s3:PutObject'], folders: [], bucket: [] },
  startMultipartUpload: {
    objects: ['s3:PutObject', 's3:GetObject'],
    folders: ['s3:GetObject'],
    bucket: ['s3:ListBucket'],
  },
  presignPart: { objects: ['s3:PutObject'], folders: [], bucket: [] },
  completeMultipartUpload: {
    objects: ['s3:PutObject', ...readObjects],
    folders: ['s3:GetObject'],
    bucket: ['s3:ListBucket'],
  },
  abortMultipartUpload: { objects: ['s3:AbortMultipartUpload'], folders: [], bucket: [] },
} as const

/** A transaction is authorised as the writes in it. */
const table = {
  get: ['dynamodb:GetItem'],
  put: ['dynamodb:PutItem'],
  update: ['dynamodb:UpdateItem'],
  delete: ['dynamodb:DeleteItem'],
  transact: [
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
    'dynamodb:DeleteItem',
    'dynamodb:ConditionCheckItem',
  ],
  query: ['dynamodb:Query'],
} as const

/** On the queue and on its dead letters. */
const queue = {
  send: { queue: ['sqs:SendMessage'], deadLetters: [] },
  receive: { queue: ['sqs:ReceiveMessage'], deadLetters: [] },
  acknowledge: { queue: ['sqs:DeleteMessage'], deadLetters: ['sqs:DeleteMessage'] },
  release: { queue: ['sqs:ChangeMessageVisibility'], deadLetters: [] },
  deadLetters: { queue: [], deadLetters: ['sqs:ReceiveMessage', 'sqs:ChangeMessageVisibility'] },
  drop: {
    queue: [],
    deadLetters: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
  },
  replay: {
    queue: ['sqs:SendMessage'],
    deadLetters: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
  },
} as const

/** On the table, and on its stream. */
const log = {
  append: { table: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], stream: [] },
  get: { table: ['dynamodb:GetItem'], stream: [] },
  read: { table: ['dynamodb:Query'], stream: [] },
  subscribe: {
    table: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:Query'],
    stream: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
  },
} as const

/** On the state machine, and on its executions. */
const executions = {
  start: { stateMachine: ['states:StartExecution'], executions: ['states:DescribeExecution'] },
  describe: { stateMachine: [], executions: ['states:DescribeExecution'] },
  list: { stateMachine: ['states:ListExecutions'], executions: [] },
  history: { stateMachine: [], executions: ['states:GetExecutionHistory'] },
  stop: { stateMachine: [], executions: ['states:StopExecution', 'states:DescribeExecution'] },
  redrive: { stateMachine: [], executions: ['states:RedriveExecution'] },
} as const

/** Every method of a port that can be allowed. */
export const portMethods: readonly PortMethod[] = [
  ...names('objects', objects),
  ...names('table', table),
  ...names('queue', queue),
  ...names('log', log),
  ...names('executions', executions),
  'bus.publish',
]

/** All actions that a method may need, on whichever resource. */
export function actionsOf(method: PortMethod): ReadonlySet<string> {
  const [port = '', name = ''] = method.split('.')
  const ports: Readonly<Record<string, Readonly<Record<string, object>>>> = {
    objects,
    table,
    queue,
    log,
    executions,
    bus: { publish: ['events:PutEvents'] },
  }
  return new Set(Object.values(ports[port]?.[name] ?? {}).flat() as string[])
}

/**
 * Allows a role exactly the actions that `uses` need, on this platform's resources: one statement a
 * resource.
 *
 * @throws Error for a use that names no port's method: a typo would otherwise show as a refused call
 * in a running function.
 */
export function grantUses(role: Role, uses: readonly Use[], platform: PlatformResources): void {
  const grants = uses.map(readUse)
  const fixed = new Statements()
  for (const grant of grants) addResources(fixed, grant, platform)
  const stack = Stack.of(role)
  for (const { workflow, ...actions } of executionGrants(grants)) {
    if (workflow !== undefined) addExecutions(fixed, actions, workflow, stack, platform)
  }
  fixed.allow(role)
  const ofAll = executionGrants(grants).filter(({ workflow }) => workflow === undefined)
  if (ofAll.length === 0) return
  platform.workflows.forEach((workflow) => {
    const statements = new Statements()
    for (const actions of ofAll) addExecutions(statements, actions, workflow, stack, platform)
    statements.allow(role)
  })
}

interface Grant {
  readonly name: PortMethod
  readonly port: string
  readonly method: string
  readonly limit: string | undefined
}

function readUse(use: Use): Grant {
  const [name = '', limit] = use.split(' ')
  if (!(portMethods as readonly string[]).includes(name)) {
    throw new Error(`"${use}" is no use of a port; the methods are ${portMethods.join(', ')}`)
  }
  const [port = '', method = ''] = name.split('.')
  return { name: name as PortMethod, port, method, limit }
}

function addResources(
  statements: Statements,
  { port, method, limit }: Grant,
  { bucket, table: items, queue: messages, deadLetterQueue, eventBus }: PlatformResources,
): void {
  if (port === 'objects') {
    const actions = objects[method as keyof typeof objects]
    statements.add(bucket.arnForObjects(limit ?? '*'), actions.objects, keysAreKnownLater)
    for (const folder of foldersOf(limit ?? '*')) {
      statements.add(bucket.arnForObjects(folder), actions.folders)
    }
    statements.add(bucket.bucketArn, actions.bucket)
  } else if (port === 'table') {
    statements.add(items.tableArn, table[method as keyof typeof table])
  } else if (port === 'queue') {
    const actions = queue[method as keyof typeof queue]
    statements.add(messages.queueArn, actions.queue)
    statements.add(deadLetterQueue.queueArn, actions.deadLetters)
  } else if (port === 'log') {
    const actions = log[method as keyof typeof log]
    statements.add(items.tableArn, actions.table)
    if (actions.stream.length > 0) statements.add(items.tableStreamArn!, actions.stream)
  } else if (port === 'bus') {
    statements.add(eventBus.eventBusArn, ['events:PutEvents'])
  }
}

/** `a` and `a/b` for the keys `a/b/*`. */
function foldersOf(keys: string): string[] {
  const [fixed = ''] = keys.split('*')
  const segments = fixed.split('/').slice(0, -1)
  return segments.map((_, i) => segments.slice(0, i + 1).join('/'))
}

type ExecutionActions = (typeof executions)[keyof typeof executions]

function executionGrants(grants: readonly Grant[]) {
  return grants
    .filter(({ port }) => port === 'executions')
    .map(({ method, limit: workflow }) => ({
      ...executions[method as keyof typeof executions],
      workflow,
    }))
}

function addExecutions(
  statements: Statements,
  actions: ExecutionActions,
  workflow: string,
  stack: Stack,
  { workflows }: PlatformResources,
): void {
  statements.add(workflows.stateMachineArn(stack, workflow), actions.stateMachine)
  statements.add(
    workflows.executionArn(stack, workflow, '*'),
    actions.executions,
    executionsAreKnownLater,
  )
}

const keysAreKnownLater =
  'The keys are those of uploads and of what is made from them, which are known at run time alone.'
const executionsAreKnownLater =
  'The executions of one state machine, whose names are known at run time alone.'

/** The actions on each resource, and why a resource has a wildcard. */
class Statements {
  readonly #actions = new Map<string, Set<string>>()
  readonly #reasons = new Map<string, string>()

  add(resource: string, actions: readonly string[], wildcards?: string): void {
    if (actions.length === 0) return
    const all = this.#actions.get(resource) ?? new Set()
    actions.forEach((action) => all.add(action))
    this.#actions.set(resource, all)
    if (wildcards !== undefined) this.#reasons.set(resource, wildcards)
  }

  allow(role: Role): void {
    for (const [resource, actions] of this.#actions) {
      const statement = { actions: [...actions], resources: [resource] }
      allow(role, statement, this.#reasons.get(resource))
    }
  }
}

function names<Port extends string, Method extends string>(
  port: Port,
  methods: Readonly<Record<Method, unknown>>,
) {
  return (Object.keys(methods) as Method[]).map((method) => `${port}.${method}` as const)
}

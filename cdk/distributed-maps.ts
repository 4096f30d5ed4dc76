import { Stack } from 'aws-cdk-lib'
import type { Role } from 'aws-cdk-lib/aws-iam'
import { allow } from './acknowledge.ts'
import type { PlatformResources } from './platform-resources.ts'

/** A Map of a definition whose items are child executions of their own. */
export interface DistributedMap {
  /** What its child executions are named by; `*` where the definition leaves it to Step Functions. */
  readonly label: string
  readonly executionType: string
  /** Its state. */
  readonly state: MapState
}

interface MapState {
  readonly Label?: string
  readonly ItemReader?: ItemReader
  readonly ResultWriter?: { readonly Resource?: string }
  readonly ItemProcessor?: {
    readonly ProcessorConfig?: { readonly Mode?: string; readonly ExecutionType?: string }
  }
}

interface ItemReader {
  readonly Resource?: string
  readonly Parameters?: object
  readonly Arguments?: object
}

/** The distributed Maps of a definition, however deep. */
export function distributedMaps(definition: unknown): DistributedMap[] {
  if (definition === null || typeof definition !== 'object') return []
  const state = definition as MapState
  const { Mode, ExecutionType = 'STANDARD' } = state.ItemProcessor?.ProcessorConfig ?? {}
  const own = { label: state.Label ?? '*', executionType: ExecutionType, state }
  return [
    ...(Mode === 'DISTRIBUTED' ? [own] : []),
    ...Object.values(definition).flatMap(distributedMaps),
  ]
}

/** Where the distributed Maps of a workflow read and write, as keys of the bucket: `sales/*`. */
export interface MapKeys {
  readonly itemReaderKeys?: string
  readonly resultWriterKeys?: string
}

/** What of the keys does not fit the Maps, in words. */
export function mapKeyFaults(
  maps: readonly DistributedMap[],
  { itemReaderKeys, resultWriterKeys }: MapKeys,
): string[] {
  const faults: string[] = []
  const check = (prop: keyof MapKeys, isUsed: boolean, keys: string | undefined) => {
    if (isUsed && keys === undefined) {
      faults.push(`a distributed Map reads or writes objects of the bucket: give ${prop}`)
    }
    if (!isUsed && keys !== undefined) {
      faults.push(`${prop} is "${keys}", and no distributed Map of the definition needs it`)
    }
  }
  check('itemReaderKeys', maps.some(readsObjects), itemReaderKeys)
  check('resultWriterKeys', maps.some(writesObjects), resultWriterKeys)
  return faults
}

/**
 * Lets the role of a state machine run its distributed Maps: start executions of itself, follow, stop
 * and redrive them, read the items and write the results, and no more. Its resources are named rather
 * than referred to: the state machine itself depends on its role.
 */
export function allowMapRuns(
  role: Role,
  maps: readonly DistributedMap[],
  workflow: string,
  { bucket, workflows }: PlatformResources,
  { itemReaderKeys, resultWriterKeys }: MapKeys,
): void {
  if (maps.length === 0) return
  const stack = Stack.of(role)
  allow(role, {
    actions: ['states:StartExecution'],
    resources: [workflows.stateMachineArn(stack, workflow)],
  })
  allow(
    role,
    {
      actions: ['states:DescribeExecution', 'states:StopExecution'],
      resources: [workflows.executionArn(stack, workflow, '*')],
    },
    childrenAreKnownLater,
  )
  allow(
    role,
    {
      actions: ['states:RedriveExecution'],
      resources: maps.map(({ label }) =>
        workflows.executionArn(stack, `${workflow}/${label}`, '*'),
      ),
    },
    childrenAreKnownLater,
  )
  if (itemReaderKeys !== undefined) {
    const readers = maps.map(({ state }) => state.ItemReader ?? {})
    allow(
      role,
      {
        actions: ['s3:GetObject', ...(readers.some(namesVersion) ? ['s3:GetObjectVersion'] : [])],
        resources: [bucket.arnForObjects(itemReaderKeys)],
      },
      itemsAreKnownLater,
    )
    if (readers.some((reader) => actionOf(reader) === 'listObjectsV2')) {
      allow(role, { actions: ['s3:ListBucket'], resources: [bucket.bucketArn] })
    }
  }
  if (resultWriterKeys !== undefined) {
    allow(
      role,
      {
        actions: [
          's3:PutObject',
          's3:GetObject',
          's3:ListMultipartUploadParts',
          's3:AbortMultipartUpload',
        ],
        resources: [bucket.arnForObjects(resultWriterKeys)],
      },
      itemsAreKnownLater,
    )
  }
}

function readsObjects({ state }: DistributedMap): boolean {
  return state.ItemReader !== undefined
}

/** One with a WriterConfig alone changes the form of the state's result, and writes nothing. */
function writesObjects({ state }: DistributedMap): boolean {
  return state.ResultWriter?.Resource !== undefined
}

function actionOf({ Resource }: ItemReader): string | undefined {
  return Resource?.split(':').at(-1)
}

function namesVersion({ Parameters, Arguments }: ItemReader): boolean {
  const given = { ...Parameters, ...Arguments }
  return 'VersionId' in given || 'VersionId.$' in given
}

const childrenAreKnownLater =
  'The executions of one state machine, whose names are known at run time alone.'
const itemsAreKnownLater =
  'What a Map reads and writes has a folder of its own for each execution, known at run time alone.'

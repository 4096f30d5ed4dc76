import type { Engine } from '../engine.ts'
import { EngineError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Member, Shape } from './shapes.ts'

/** An operation of the Step Functions API that the engine has. */
export interface Operation {
  readonly shape: Shape
  /** The request is of the shape. */
  run(engine: Engine, request: never): Promise<object>
}

const arn = text(1, 256)
const pageToken = text(1, 1024)
const pageSize = integer(0, 1000)
const name = text(1, limits.nameLength)
const error = sensitive(text(0, limits.errorLength))
const cause = sensitive(text(0, limits.causeLength))
const data = sensitive(text(0, limits.stateDataBytes))
const definition = sensitive(text(1, limits.definitionBytes))
const structure: Member = { kind: 'structure', isRequired: false }
const list: Member = { kind: 'list', isRequired: false }
const flag: Member = { kind: 'boolean', isRequired: false }
const machineType = oneOf('STANDARD', 'EXPRESS')
const includedData = oneOf('ALL_DATA', 'METADATA_ONLY')
const taskToken = required(text(1, limits.taskTokenLength))
const executionArn = required(arn)
const stateMachineArn = required(arn)
const mapRunArn = required(text(1, 2000))
const configuration = {
  loggingConfiguration: structure,
  tracingConfiguration: structure,
  encryptionConfiguration: structure,
  publish: flag,
  versionDescription: sensitive(text(0, 256)),
}

/**
 * By their names in `X-Amz-Target`.
 * https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
 */
export const operations: Readonly<Record<string, Operation>> = {
  CreateStateMachine: {
    shape: {
      name: required(name),
      definition: required(definition),
      roleArn: required(arn),
      type: machineType,
      tags: list,
      ...configuration,
    },
    run: (engine, request) => engine.createStateMachine(request),
  },
  UpdateStateMachine: {
    shape: { stateMachineArn, definition, roleArn: arn, ...configuration },
    run: (engine, request) => engine.updateStateMachine(request),
  },
  DeleteStateMachine: {
    shape: { stateMachineArn },
    run: (engine, request) => engine.deleteStateMachine(request),
  },
  DescribeStateMachine: {
    shape: { stateMachineArn, includedData },
    run: async (engine, request) =>
      withoutDefinition(request, await engine.describeStateMachine(request)),
  },
  ListStateMachines: {
    shape: { maxResults: pageSize, nextToken: pageToken },
    run: (engine, request) => engine.listStateMachines(request),
  },
  ValidateStateMachineDefinition: {
    shape: {
      definition: required(definition),
      type: machineType,
      severity: oneOf('ERROR', 'WARNING'),
      maxResults: integer(0, 100),
    },
    run: (engine, request) => engine.validateStateMachineDefinition(request),
  },
  TestState: {
    shape: {
      definition: required(definition),
      stateName: name,
      roleArn: arn,
      input: data,
      inspectionLevel: oneOf('INFO', 'DEBUG', 'TRACE'),
      revealSecrets: flag,
      variables: data,
      mock: structure,
      context: data,
      stateConfiguration: structure,
    },
    run: (engine, request) => engine.testState(request),
  },
  TagResource: {
    shape: { resourceArn: required(arn), tags: required(list) },
    run: (engine, request) => engine.tagResource(request),
  },
  UntagResource: {
    shape: { resourceArn: required(arn), tagKeys: required(list) },
    run: (engine, request) => engine.untagResource(request),
  },
  ListTagsForResource: {
    shape: { resourceArn: required(arn) },
    run: (engine, request) => engine.listTagsForResource(request),
  },
  StartExecution: {
    shape: { stateMachineArn, name, input: data, traceHeader: text(0, 256) },
    run: (engine, request) => engine.startExecution(request),
  },
  StartSyncExecution: {
    shape: { stateMachineArn, name, input: data, traceHeader: text(0, 256), includedData },
    run: async (engine, request) => withoutData(request, await engine.startSyncExecution(request)),
  },
  DescribeExecution: {
    shape: { executionArn, includedData },
    run: async (engine, request) => withoutData(request, await engine.describeExecution(request)),
  },
  DescribeStateMachineForExecution: {
    shape: { executionArn, includedData },
    run: async (engine, request) =>
      withoutDefinition(request, await engine.describeStateMachineForExecution(request)),
  },
  ListExecutions: {
    shape: {
      stateMachineArn: arn,
      mapRunArn: text(1, 2000),
      statusFilter: oneOf(
        'RUNNING',
        'SUCCEEDED',
        'FAILED',
        'TIMED_OUT',
        'ABORTED',
        'PENDING_REDRIVE',
      ),
      redriveFilter: oneOf('REDRIVEN', 'NOT_REDRIVEN'),
      maxResults: pageSize,
      nextToken: text(1, 3096),
    },
    run: async (engine, request) => {
      const { stateMachineArn, mapRunArn, redriveFilter } = request as ListExecutionsRequest
      if (stateMachineArn === undefined && mapRunArn === undefined) {
        throw invalid('Must provide a StateMachine ARN or a MapRun ARN')
      }
      if (redriveFilter !== undefined)
        throw invalid('redriveFilter is not supported by this engine')
      return engine.listExecutions(request)
    },
  },
  StopExecution: {
    shape: { executionArn, error, cause },
    run: (engine, request) => engine.stopExecution(request),
  },
  RedriveExecution: {
    shape: { executionArn, clientToken: text(1, 64) },
    run: (engine, request) => engine.redriveExecution(request),
  },
  GetExecutionHistory: {
    shape: {
      executionArn,
      maxResults: pageSize,
      nextToken: pageToken,
      reverseOrder: flag,
      includeExecutionData: flag,
    },
    run: (engine, request) => engine.getExecutionHistory(request),
  },
  DescribeMapRun: {
    shape: { mapRunArn },
    run: (engine, request) => engine.describeMapRun(request),
  },
  ListMapRuns: {
    shape: { executionArn, maxResults: pageSize, nextToken: pageToken },
    run: (engine, request) => engine.listMapRuns(request),
  },
  UpdateMapRun: {
    shape: {
      mapRunArn,
      maxConcurrency: { kind: 'integer', isRequired: false, min: 0 },
      toleratedFailureCount: { kind: 'integer', isRequired: false, min: 0 },
      toleratedFailurePercentage: { kind: 'number', isRequired: false, min: 0, max: 100 },
    },
    run: (engine, request) => engine.updateMapRun(request),
  },
  SendTaskSuccess: {
    shape: { taskToken, output: required(data) },
    run: (engine, request) => engine.sendTaskSuccess(request),
  },
  SendTaskFailure: {
    shape: { taskToken, error, cause },
    run: (engine, request) => engine.sendTaskFailure(request),
  },
  SendTaskHeartbeat: {
    shape: { taskToken },
    run: (engine, request) => engine.sendTaskHeartbeat(request),
  },
}

/** Operations of the API that the engine has not: they answer an error that says so. */
export const missingOperations: ReadonlySet<string> = new Set([
  'CreateActivity',
  'CreateStateMachineAlias',
  'DeleteActivity',
  'DeleteStateMachineAlias',
  'DeleteStateMachineVersion',
  'DescribeActivity',
  'DescribeStateMachineAlias',
  'GetActivityTask',
  'ListActivities',
  'ListStateMachineAliases',
  'ListStateMachineVersions',
  'PublishStateMachineVersion',
  'UpdateStateMachineAlias',
])

interface ListExecutionsRequest {
  readonly stateMachineArn?: string
  readonly mapRunArn?: string
  readonly redriveFilter?: string
}

interface Included {
  readonly includedData?: 'ALL_DATA' | 'METADATA_ONLY'
}

function withoutDefinition({ includedData }: Included, response: object): object {
  return includedData === 'METADATA_ONLY' ? { ...response, definition: '{}' } : response
}

function withoutData({ includedData }: Included, response: object): object {
  if (includedData !== 'METADATA_ONLY') return response
  const left = Object.entries(response).filter(([member]) => !dataMembers.has(member))
  return Object.fromEntries(left)
}

const dataMembers: ReadonlySet<string> = new Set([
  'input',
  'inputDetails',
  'output',
  'outputDetails',
  'error',
  'cause',
])

function invalid(message: string): EngineError {
  return new EngineError('ValidationException', message)
}

function text(min: number, max: number): Member {
  return { kind: 'string', isRequired: false, min, max }
}

function integer(min: number, max: number): Member {
  return { kind: 'integer', isRequired: false, min, max }
}

function oneOf(...values: string[]): Member {
  return { kind: 'string', isRequired: false, values }
}

function required(member: Member): Member {
  return { ...member, isRequired: true }
}

function sensitive(member: Member): Member {
  return { ...member, isSensitive: true }
}

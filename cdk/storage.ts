import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import {
  AttributeType,
  BillingMode,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb'
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  ObjectOwnership,
  StorageClass,
  type CfnBucket,
  type LifecycleRule,
} from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

export interface BucketOptions {
  readonly removalPolicy: RemovalPolicy
  readonly noncurrentVersionTransition: Duration
  readonly noncurrentVersionExpiration: Duration | undefined
  readonly quarantineExpiration: Duration
}

/** Datasets, models and reports: every write a version that stays. */
export function platformBucket(scope: Construct, id: string, options: BucketOptions): Bucket {
  const bucket = new Bucket(scope, id, {
    versioned: true,
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    removalPolicy: options.removalPolicy,
    lifecycleRules: lifecycleRules(options),
  })
  // `eventBridgeEnabled` would bring a Lambda function of a custom resource for this one property.
  const resource = bucket.node.defaultChild as CfnBucket
  resource.notificationConfiguration = {
    eventBridgeConfiguration: { eventBridgeEnabled: true },
  }
  acknowledge(
    bucket,
    'AwsSolutions-S1',
    'Who wrote an object is told by its event and kept with its execution; who wants every read too turns on data events of CloudTrail.',
  )
  return bucket
}

/** The registry, the ledger and the log, under one pair of keys. */
export function platformTable(scope: Construct, id: string, removalPolicy: RemovalPolicy): Table {
  return new Table(scope, id, {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    stream: StreamViewType.NEW_IMAGE,
    timeToLiveAttribute: 'expiresAt',
    encryption: TableEncryption.AWS_MANAGED,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: removalPolicy !== RemovalPolicy.DESTROY,
    removalPolicy,
  })
}

function lifecycleRules({
  noncurrentVersionTransition,
  noncurrentVersionExpiration,
  quarantineExpiration,
}: BucketOptions): LifecycleRule[] {
  return [
    { id: 'aborted-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
    {
      id: 'former-versions',
      noncurrentVersionTransitions: [
        {
          // Readable at once, so that what a model was trained on stays so.
          storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL,
          transitionAfter: noncurrentVersionTransition,
        },
      ],
      ...(noncurrentVersionExpiration === undefined ? {} : { noncurrentVersionExpiration }),
    },
    {
      id: 'quarantine',
      prefix: 'quarantine/',
      expiration: quarantineExpiration,
      noncurrentVersionExpiration: Duration.days(7),
    },
    {
      // What was sent to be predicted, and is of no use afterwards.
      id: 'inputs',
      prefix: 'inputs/',
      expiration: Duration.days(30),
      noncurrentVersionExpiration: Duration.days(7),
    },
  ]
}

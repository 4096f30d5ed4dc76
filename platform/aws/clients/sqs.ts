import { SQSClient } from '@aws-sdk/client-sqs'
import { commonOptions, type ClientOptions } from './options.ts'

export function sqsClient(options: ClientOptions): SQSClient {
  return new SQSClient(commonOptions(options))
}

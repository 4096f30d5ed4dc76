import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { commonOptions, type ClientOptions } from './options.ts'

export function dynamodbClient(options: ClientOptions): DynamoDBClient {
  return new DynamoDBClient(commonOptions(options))
}

import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { commonOptions, type ClientOptions } from './options.ts'

export function eventbridgeClient(options: ClientOptions): EventBridgeClient {
  return new EventBridgeClient(commonOptions(options))
}

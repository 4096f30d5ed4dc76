import { SFNClient } from '@aws-sdk/client-sfn'
import { commonOptions, type ClientOptions } from './options.ts'

export function sfnClient(options: ClientOptions): SFNClient {
  return new SFNClient(commonOptions(options))
}

import { Option, type Command } from 'commander'
import { parseApiKey } from '../tasks/api-key.ts'
import { dataDirArgument, dataDirOption } from './options.ts'

/** Where the platform is that a command talks to. */
export type PlatformLocation = EmbeddedLocation | Deployment

/** The platform of a data directory on this machine. */
export interface EmbeddedLocation {
  readonly kind: 'embedded'
  readonly dataDir: string
  /** Of a user; none takes that of the operator, where the directory has one. */
  readonly key?: string | undefined
  /** What a suggested command has to carry to mean the same platform: ` --data-dir x`, or nothing. */
  readonly argument: string
}

/** A stack in an AWS account, or on an emulator of AWS. */
export interface Deployment {
  readonly kind: 'deployed'
  readonly stack: string
  /** Of an emulator; none means AWS itself. */
  readonly endpoint: string | undefined
  /** None leaves it to the configuration files of AWS. */
  readonly region: string | undefined
  readonly profile: string | undefined
  /** Set where an emulator on this machine is talked to and the environment has none. */
  readonly credentials:
    { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** Of a user: requests carry it, instead of being signed. */
  readonly key?: string | undefined
  readonly argument: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** Adds what says where the platform is, as every command that talks to one has it. */
export function addLocationOptions(command: Command): Command {
  command
    .option(...dataDirOption)
    .addOption(
      new Option('--stack <name>', 'the deployed stack to talk to, instead').env('MILLRACE_STACK'),
    )
    .addOption(
      new Option('--key <key>', 'act as the holder of this key of a user').env('MILLRACE_KEY'),
    )
  return addAwsOptions(command)
}

/** Adds what says which AWS a stack is in. */
export function addAwsOptions(command: Command): Command {
  return command
    .addOption(new Option('--endpoint <url>', 'an emulator of AWS').env('AWS_ENDPOINT_URL'))
    .addOption(new Option('--region <region>', 'the region of AWS').env('AWS_REGION'))
    .addOption(
      new Option('--profile <name>', 'a profile of the AWS configuration files').env('AWS_PROFILE'),
    )
}

/** Where the options of a command line say that the platform is. */
export function locationOf(
  command: Command,
  environment: Environment = process.env,
): PlatformLocation {
  const { dataDir, stack } = command.opts<{ dataDir: string; stack?: string }>()
  const isGiven = (option: string) => command.getOptionValueSource(option) === 'cli'
  if (isGiven('stack') && isGiven('dataDir')) {
    usage(command, '--stack and --data-dir name two platforms: give one of them')
  }
  // A directory on the command line is meant, whatever stack the environment has.
  if ((stack ?? '') !== '' && !isGiven('dataDir')) return deploymentOf(command, environment)
  const stray = ['endpoint', 'region', 'profile'].find(isGiven)
  if (stray !== undefined) {
    usage(command, `--${stray} says where a stack is: give its name too, as --stack Millrace`)
  }
  return { kind: 'embedded', dataDir, key: keyOf(command), argument: dataDirArgument(dataDir) }
}

/** The stack that the options of a command line name. */
export function deploymentOf(command: Command, environment: Environment = process.env): Deployment {
  const options = command.opts<Record<string, string | undefined>>()
  // A variable that is set to nothing says nothing.
  const option = (name: string) => (options[name] === '' ? undefined : options[name])
  const stack = option('stack') ?? ''
  if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(stack)) {
    usage(command, `"${stack}" is no name of a stack: a letter, then letters, digits and "-"`)
  }
  const url = option('endpoint')
  const endpoint = url === undefined ? undefined : readEndpoint(command, url)
  const isHere = endpoint !== undefined && isLoopback(endpoint)
  const profile = option('profile')
  const hasCredentials = (environment['AWS_ACCESS_KEY_ID'] ?? '') !== '' || profile !== undefined
  const given = ['stack', 'endpoint', 'region', 'profile'].filter(
    (name) => command.getOptionValueSource(name) === 'cli',
  )
  return {
    kind: 'deployed',
    stack,
    endpoint,
    region:
      option('region') || environment['AWS_DEFAULT_REGION'] || (isHere ? 'us-east-1' : undefined),
    profile,
    // An emulator takes any; those of a real account are not for it.
    credentials:
      isHere && !hasCredentials ? { accessKeyId: 'test', secretAccessKey: 'test' } : undefined,
    key: keyOf(command),
    // Not the key: what is suggested is shown, and kept in the history of a shell.
    argument: given.map((name) => ` --${name} ${options[name]}`).join(''),
  }
}

function keyOf(command: Command): string | undefined {
  const { key = '' } = command.opts<{ key?: string }>()
  if (key === '') return undefined
  return parseApiKey(key) === undefined
    ? usage(command, 'what was given as --key (or MILLRACE_KEY) is no key: mr_<id>_<secret>')
    : key
}

function readEndpoint(command: Command, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    return usage(command, `"${text}" is no endpoint: give a URL, as http://127.0.0.1:4566`)
  }
  // S3 clients put a bucket's name before a host's name, and bucket.localhost does not resolve.
  if (url.hostname === 'localhost') url.hostname = '127.0.0.1'
  return url.href.replace(/\/$/, '')
}

function isLoopback(endpoint: string): boolean {
  const { hostname } = new URL(endpoint)
  return /^127\./.test(hostname) || hostname === '[::1]'
}

function usage(command: Command, message: string): never {
  return command.error(`error: ${message}`)
}

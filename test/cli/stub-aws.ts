import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface StubStack {
  readonly status: string
  readonly outputs: Readonly<Record<string, string>>
  readonly template?: object
  /** Logical id to type and physical id. */
  readonly resources?: Readonly<Record<string, readonly [type: string, id: string]>>
}

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** What of AWS a command meets, on one port: CloudFormation as its XML, and all else by `answer`. */
export class StubAws {
  readonly seen: SeenRequest[] = []
  readonly stacks = new Map<string, StubStack>()
  answer: (request: SeenRequest) => Answer = () => ({ status: 404 })
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const seen = { method, url, headers, body: Buffer.concat(chunks) }
        this.seen.push(seen)
        const { status = 200, headers: given, body = '' } = this.#answer(seen)
        response.writeHead(status, { ...given }).end(body)
      })
    })
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The actions of CloudFormation that were asked for. */
  get actions(): string[] {
    return this.seen.filter(isCloudFormation).map(({ body }) => parameters(body)['Action']!)
  }

  #answer(request: SeenRequest): Answer {
    return isCloudFormation(request)
      ? this.#cloudFormation(parameters(request.body))
      : this.answer(request)
  }

  #cloudFormation({ Action = '', StackName = '' }: Record<string, string>): Answer {
    const stack = this.stacks.get(StackName)
    if (stack === undefined) {
      const message = `Stack with id ${StackName} does not exist`
      return {
        status: 400,
        body: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>${message}</Message></Error></ErrorResponse>`,
      }
    }
    if (Action === 'DeleteStack')
      this.stacks.set(StackName, { ...stack, status: 'DELETE_COMPLETE' })
    return {
      headers: { 'content-type': 'text/xml' },
      body: `<${Action}Response><${Action}Result>${resultOf(Action, StackName, stack)}</${Action}Result></${Action}Response>`,
    }
  }
}

function resultOf(action: string, name: string, stack: StubStack): string {
  switch (action) {
    case 'DescribeStacks': {
      const outputs = Object.entries(stack.outputs).map(
        ([key, value]) =>
          `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
      )
      return `<Stacks><member><StackName>${name}</StackName><StackStatus>${stack.status}</StackStatus><Outputs>${outputs.join('')}</Outputs></member></Stacks>`
    }
    case 'GetTemplate': {
      const text = JSON.stringify(stack.template ?? { Resources: {} })
      return `<TemplateBody>${text.replaceAll('"', '&quot;')}</TemplateBody>`
    }
    case 'ListStackResources': {
      const members = Object.entries(stack.resources ?? {}).map(
        ([id, [type, physical]]) =>
          `<member><LogicalResourceId>${id}</LogicalResourceId><ResourceType>${type}</ResourceType><PhysicalResourceId>${physical}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>`,
      )
      return `<StackResourceSummaries>${members.join('')}</StackResourceSummaries>`
    }
    default:
      return ''
  }
}

function isCloudFormation({ url, method, headers }: SeenRequest): boolean {
  return (
    method === 'POST' && url === '/' && /x-www-form-urlencoded/.test(headers['content-type'] ?? '')
  )
}

function parameters(body: Buffer): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(body.toString()))
}

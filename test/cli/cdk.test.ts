import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { findCdk, runCdk } from '../../cli/aws/cdk.ts'
import { clientPackages, optional } from '../../cli/aws/packages.ts'
import type { Deployment } from '../../cli/platform-location.ts'
import { Screen } from './terminal.ts'

const project = mkdtempSync(join(tmpdir(), "millrace cdk's "))
afterAll(() => rmSync(project, { recursive: true, force: true }))

const deployment: Deployment = {
  kind: 'deployed',
  stack: 'Trial',
  endpoint: 'http://127.0.0.1:4566',
  region: 'eu-west-1',
  profile: undefined,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  argument: '',
}

/** A package that is installed in the project; its command runs a script. */
function install(name: string, script = ''): void {
  const folder = join(project, 'node_modules', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, bin: { cdk: 'cdk.js' } }))
  writeFileSync(join(folder, 'cdk.js'), script)
}

const terminal = (signal = new AbortController().signal) => {
  const err = Object.assign(new Screen(80, 24), { isTTY: false })
  return { out: err, err, signal }
}

describe('findCdk', () => {
  it('names every package that is missing, and what installs them', () => {
    const empty = mkdtempSync(join(tmpdir(), 'millrace-empty-'))
    const find = () => findCdk(empty, join(empty, 'app.js'))
    expect(find).toThrow(
      /npm install --save-dev aws-cdk@2 aws-cdk-lib constructs @aws-sdk\/client-cloudformation @smithy\/signature-v4$/,
    )
    expect(find).toThrow(expect.objectContaining({ name: 'PackageMissing' }) as Error)
    rmSync(empty, { recursive: true })
  })

  it("takes the project's own, and quotes the app for the shell that runs it", () => {
    for (const name of ['aws-cdk', 'aws-cdk-lib', 'constructs', ...clientPackages]) install(name)
    const { command, app } = findCdk(project, join(project, 'app.js'))
    expect(command).toBe(join(project, 'node_modules', 'aws-cdk', 'cdk.js'))
    expect(app).toContain(`cdk'\\''s`)
    // The CDK drops quotes that stand at both ends.
    expect(app).not.toMatch(/^(["']).*\1$/)
  })
})

describe('runCdk', () => {
  const installed = (script: string) => {
    install('aws-cdk', script)
    return findCdk(project, join(project, 'app.js'))
  }

  it('runs it for this deployment alone', async () => {
    const cdk = installed(`
      const { AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID } = process.env
      console.log(JSON.stringify({ AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID }))
      console.error(process.argv.slice(2).join(' '))`)
    const to = terminal()
    await runCdk(cdk, ['deploy', 'Trial'], deployment, to)
    expect(to.err.text).toContain(
      '{"AWS_ENDPOINT_URL":"http://127.0.0.1:4566","AWS_REGION":"eu-west-1","AWS_ACCESS_KEY_ID":"test"}',
    )
    expect(to.err.text).toMatch(/^deploy Trial --app /m)
    await runCdk(cdk, ['deploy'], { ...deployment, profile: 'work' }, to)
    expect(to.err.text).toContain('--profile work')
  })

  it('fails as it fails', async () => {
    const failing = runCdk(installed('process.exit(3)'), ['deploy'], deployment, terminal())
    await expect(failing).rejects.toMatchObject({
      name: 'DeploymentFailed',
      message: expect.stringContaining('cdk deploy ended with exit code 3') as string,
    })
  })

  it('ends it on Ctrl-C', async () => {
    const interrupt = new AbortController()
    const to = terminal(interrupt.signal)
    const cdk = installed("console.log('waits'); setInterval(() => undefined, 1000)")
    const waiting = runCdk(cdk, ['deploy'], deployment, to)
    await expect.poll(() => to.err.text).toContain('waits')
    interrupt.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'DeploymentFailed' })
  })
})

describe('a package that only AWS needs', () => {
  it('is named where it is missing; any other fault stays itself', async () => {
    const load = (code: string) => () => Promise.reject(Object.assign(new Error('no'), { code }))
    await expect(
      optional(['@aws-sdk/client-s3'], load('ERR_MODULE_NOT_FOUND')),
    ).rejects.toMatchObject({
      name: 'PackageMissing',
      message: expect.stringContaining('npm install --save-dev @aws-sdk/client-s3') as string,
    })
    await expect(optional(['@aws-sdk/client-s3'], load('EIO'))).rejects.toMatchObject({
      code: 'EIO',
    })
  })
})

import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'

const packageRoot = resolve(import.meta.dirname, '../..')
const entries = join(import.meta.dirname, 'functions')

/** Programs of containers, each with the Dockerfile of its image beside it. */
const containers = join(import.meta.dirname, 'containers')

/** What the API's page at `/docs` loads, as the build makes it. */
const docsPage = join(packageRoot, 'dist', 'docs-page')

/** Where the package has the bundles, and where the paths in their source maps lead from. */
const published = join(packageRoot, 'dist', 'functions')

export interface Bundle {
  readonly name: string
  /** Of all files together, without source maps. */
  readonly bytes: number
}

/**
 * Bundles the package's own functions, each into a folder of its own: `index.mjs`, which exports
 * `handler`, the parts that it loads when they are called for, and source maps. The same sources,
 * packages and Node give the same bytes, wherever they are written.
 *
 * @param names those to bundle. @default all
 */
export async function bundleFunctions(
  directory = published,
  names?: readonly string[],
): Promise<Bundle[]> {
  const files = await readdir(entries)
  const all = files.map((file) => basename(file, '.ts')).sort()
  const bundles: Bundle[] = []
  for (const name of names ?? all) {
    const options = { name, entry: join(entries, `${name}.ts`) }
    bundles.push(await bundle(options, join(directory, name)))
  }
  return bundles
}

/**
 * Bundles the program of the container that trains into a folder that is all that its image is made
 * of: as a function is bundled, and the Dockerfile.
 */
export async function bundleContainer(directory = published): Promise<Bundle> {
  const options = { name: 'training-container', entry: join(containers, 'training.ts') }
  const folder = join(directory, options.name)
  const bundled = await bundle(options, folder)
  await cp(join(containers, 'training.Dockerfile'), join(folder, 'Dockerfile'))
  return bundled
}

/**
 * How a Lambda entry on Node 24 is bundled, also one of your own: ES modules, minified, with the SDK,
 * and what is imported dynamically in files of its own.
 *
 * @param root what paths are told relative to; no path of the machine gets into the bundle
 */
export function bundlingOptions(entry: string, outdir: string, root: string): BuildOptions {
  return {
    entryPoints: { index: entry },
    outdir,
    absWorkingDir: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    minify: true,
    mainFields: ['module', 'main'],
    sourcemap: 'linked',
    sourcesContent: false,
    plugins: [lazyBuiltins, environmentCredentials, withoutBrowsers, unmappedPackages],
    logLevel: 'error',
  }
}

/**
 * Takes from Node's own modules what is used of them, instead of importing them: an import evaluates
 * all that a module exports, and some of it (WebSocket of `node:http`, `diff` of `node:util`) loads a
 * good part of Node.
 */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup(build) {
    const names = builtinModules.filter((name) => !name.startsWith('node:')).join('|')
    const filter = new RegExp(`^(node:)?(${names})$`)
    build.onResolve({ filter }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '')
      // What `process` has depends on how the bundler itself was started.
      const isWhole = kind !== 'import-statement' || name === 'process'
      return { path: name, namespace: isWhole ? 'builtin-whole' : 'builtin', sideEffects: false }
    })
    build.onLoad({ filter: /.*/, namespace: 'builtin-whole' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}')`,
    }))
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: [
        `const builtin = process.getBuiltinModule('node:${path}')`,
        'export default builtin',
        ...exportsOf(path).map(
          (name, i) =>
            `const export${i} = /* @__PURE__ */ (() => builtin.${name})(); export { export${i} as ${name} }`,
        ),
      ].join('\n'),
    }))
  },
}

/** Those that a bundle does not use are dropped from it. */
function exportsOf(builtin: string): string[] {
  const names = Object.keys(process.getBuiltinModule(builtin) ?? {}).sort()
  return names.filter((name) => name !== 'default' && /^[A-Za-z_$][\w$]*$/.test(name))
}

/**
 * Lambda gives a function its credentials in the environment: what looks for them in profiles, with
 * clients of three more services, is left out.
 */
const environmentCredentials: Plugin = {
  name: 'environment-credentials',
  setup(build) {
    const filter = /^@aws-sdk\/credential-provider-(ini|login|process|sso|web-identity)$/
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'credentials' }))
    build.onLoad({ filter: /.*/, namespace: 'credentials' }, ({ path }) => ({
      contents: [
        'const absent = () => async () => {',
        `  throw Object.assign(new Error('${path} is not part of a function'), { tryNextLink: true })`,
        '}',
        `export { ${credentialProviders.map((name) => `absent as ${name}`).join(', ')} }`,
      ].join('\n'),
    }))
  },
}

const credentialProviders = [
  ...['fromIni', 'fromLoginCredentials', 'fromProcess', 'fromSSO'],
  ...['fromTokenFile', 'fromWebToken'],
]

/** The SDK brings what tells browsers apart into programs of Node, too. */
const withoutBrowsers: Plugin = {
  name: 'without-browsers',
  setup(build) {
    build.onResolve({ filter: /^bowser$/ }, ({ path }) => ({ path, namespace: 'browsers' }))
    build.onLoad({ filter: /.*/, namespace: 'browsers' }, () => ({ contents: 'export default {}' }))
  },
}

/** Maps the whole of a file to the beginning of no file. */
const emptySourceMap = Buffer.from(
  JSON.stringify({ version: 3, sources: [''], mappings: 'AAAA' }),
).toString('base64')

/**
 * Leaves packages out of the source maps, of which they would be nine tenths: frames of a stack that
 * are in one are told as they stand in the bundle.
 */
const unmappedPackages: Plugin = {
  name: 'unmapped-packages',
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => ({
      contents: `${await readFile(path, 'utf8')}\n//# sourceMappingURL=data:application/json;base64,${emptySourceMap}`,
      loader: 'js',
    }))
  },
}

/** Packages that models are trained with, and not read or asked. */
const trainingPackages = /^ml-svm$/

/** Clients of services that a training has no use for: it reads and writes objects alone. */
const otherClients = /^@aws-sdk\/client-(sfn|sqs|eventbridge)$/

/** Leaves packages out of a function that never calls them; a call says so. */
const without = (packages: RegExp): Plugin => ({
  name: 'without',
  setup(build) {
    build.onResolve({ filter: packages }, ({ path }) => ({ path, namespace: 'without' }))
    build.onLoad({ filter: /.*/, namespace: 'without' }, ({ path }) => ({
      // In CommonJS every name that is imported of it is there.
      contents: `module.exports = new Proxy(class {}, {
        get: (target, name) => name === 'default' || name === '__esModule' ? undefined : module.exports,
        construct() { throw new Error('${path} is not part of this function') },
      })`,
    }))
  },
})

async function bundle(
  { name, entry }: { readonly name: string; readonly entry: string },
  directory: string,
): Promise<Bundle> {
  const outdir = join(published, name)
  const options = bundlingOptions(entry, outdir, packageRoot)
  const learns = name === 'train' || name === 'training-container'
  const plugins = [...(options.plugins ?? []), without(learns ? otherClients : trainingPackages)]
  const { outputFiles } = await build({ ...options, plugins, write: false })
  await rm(directory, { recursive: true, force: true })
  let bytes = 0
  for (const { path, contents } of outputFiles) {
    const file = join(directory, relative(outdir, path))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, contents)
    if (!path.endsWith('.map')) bytes += contents.length
  }
  if (name === 'api') await cp(docsPage, join(directory, 'docs-page'), { recursive: true })
  return { name, bytes }
}

if (import.meta.main) {
  for (const { name, bytes } of [...(await bundleFunctions()), await bundleContainer()]) {
    process.stdout.write(`dist/functions/${name} ${Math.ceil(bytes / 1000)} kB\n`)
  }
}

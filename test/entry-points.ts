import { registerHooks } from 'node:module'
import manifest from '../package.json' with { type: 'json' }

/** The sources of the package's entry points, so that examples import `millrace` as readers will. */
const sources = new Map(
  Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return []
    const source = target.types.replace('./dist/', '../').replace(/\.d\.ts$/, '.ts')
    return [[subpath.replace('.', manifest.name), new URL(source, import.meta.url).href]]
  }),
)

registerHooks({
  resolve: (specifier, context, next) => next(sources.get(specifier) ?? specifier, context),
})

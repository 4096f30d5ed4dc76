import { keyAdmission } from '../../api/authentication.ts'
import { createModelCache, type ModelCache } from '../../api/model-cache.ts'
import { createPredictions } from '../../api/predictions.ts'
import { shortWay } from '../../api/short-way.ts'
import { createAccounts } from '../../tasks/accounts.ts'
import { createPredictionLog } from '../../tasks/prediction-log.ts'
import { createQuotas } from '../../tasks/quotas.ts'
import { createRegistry } from '../../tasks/registry.ts'
import { forwardTo } from './forward.ts'
import { serveRequests, type LocalServer } from './http-server.ts'
import type { OwnerMessage, WorkerMessage, WorkerSettings } from './worker-messages.ts'
import { Owner, workerPorts } from './worker-ports.ts'

/**
 * A worker process: it answers predictions, and passes all else on to the owner of the data directory,
 * by which it was started, and with which it ends.
 */
const tell = (message: WorkerMessage) => process.send!(message)
const owner = new Owner((calls) => tell({ kind: 'calls', calls }))
let serving: { readonly server: LocalServer; readonly models: ModelCache } | undefined

// A terminal and a service manager send them to all processes: the owner says when it is time.
process.on('SIGINT', () => undefined).on('SIGTERM', () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (message: OwnerMessage) => {
  switch (message.kind) {
    case 'start':
      return void start(message.settings)
    case 'answers':
      return owner.answered(message.answers)
    case 'invalidate':
      return serving?.models.invalidate(message.model)
    case 'close':
      return void close()
    default:
      message satisfies never
  }
})

async function start(settings: WorkerSettings): Promise<void> {
  const { host, port, publicUrl, operatorKeys } = settings
  const ports = workerPorts(owner, settings.versionsDir)
  const { table, clock, logger } = ports
  const models = createModelCache(createRegistry(table, clock), ports, {
    maxAge: settings.servedMaxAge,
  })
  const predictions = createPredictions({
    models,
    log: createPredictionLog(ports),
    quotas: createQuotas(table, clock),
    ...(operatorKeys === undefined
      ? {}
      : { admission: keyAdmission(createAccounts(table, clock), clock, { operatorKeys }) }),
  })
  const server = await serveRequests(
    {
      shortWay: shortWay(predictions, { accessLog: () => undefined, logger }),
      others: forwardTo(settings.owner),
    },
    { host, port, publicUrl },
  )
  serving = { server, models }
  tell({ kind: 'ready' })
}

async function close(): Promise<void> {
  await serving?.server.close()
  process.exit()
}

import { parentPort } from 'node:worker_threads'
import { modelFiles } from './model-files.ts'

parentPort!.postMessage(modelFiles())

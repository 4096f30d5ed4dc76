import type { Context } from 'hono'
import { modelNameSchema } from '../tasks/names.ts'
import {
  modelPrediction,
  prediction,
  userPrediction,
  versionQuery,
  type Predictions,
} from './predictions.ts'
import { readBody } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'

/** Predictions as routes of the API. */
export function predictionRoutes(routes: Routes, predictions: Predictions): void {
  const handler = async ({ req }: Context) => {
    // As the router reads it: `/%70rediction` is `/prediction`.
    const path = req.path + new URL(req.url).search
    const body = await readBody(req.raw)
    return Response.json(await predictions.answer(path, req.header('content-type'), body))
  }
  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: '/prediction',
      summary: "Ask a user's model that was promoted last",
      request: { body: takes(userPrediction) },
      responses: answers('predictions', prediction),
    },
    handler,
  )
  routes.add(
    {
      access: 'predict',
      method: 'post',
      path: '/models/{user}/{dataset}/predictions',
      summary: 'Ask a model about one or many rows',
      request: { params: modelNameSchema, query: versionQuery, body: takes(modelPrediction) },
      responses: answers('predictions', prediction),
    },
    handler,
  )
}

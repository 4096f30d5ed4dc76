import * as z from 'zod'
import {
  keyLabelSchema,
  roleSchema,
  type Accounts,
  type User,
  type UserKey,
} from '../tasks/accounts.ts'
import { keyIdSchema } from '../tasks/api-key.ts'
import { nameSchema } from '../tasks/names.ts'
import { defaultPlan } from '../tasks/plans.ts'
import { pageQuery, parsed, readJson } from './requests.ts'
import { answers, takes, type Routes } from './route.ts'
import type { Services } from './services.ts'

const userShape = z.object({
  name: z.string(),
  plan: z.string(),
  createdAt: z.string(),
  disabledAt: z.string().nullable().describe('null: not removed'),
}) satisfies z.ZodType<User>

const keyShape = z.object({
  id: z.string(),
  user: z.string(),
  role: roleSchema,
  label: z.string(),
  createdAt: z.string(),
  ending: z.string().describe('the last four characters of the key'),
  revokedAt: z.string().nullable().describe('null: not revoked'),
}) satisfies z.ZodType<UserKey>

const madeKeyShape = keyShape.extend({
  key: z
    .string()
    .nullable()
    .describe('told this once; null in the answer to a repetition by its Idempotency-Key'),
})

const userRequest = z.strictObject({ name: nameSchema, plan: nameSchema.default(defaultPlan) })
const planRequest = z.strictObject({ plan: nameSchema })
const keyRequest = z.strictObject({ role: roleSchema, label: keyLabelSchema.default('') })

const userParams = z.object({ user: nameSchema })
const keyParams = userParams.extend({ keyId: keyIdSchema })

const cursor = z.string().optional()

/** Users, who the operator makes and removes, and keys, of which owners make their own. */
export function userRoutes(routes: Routes, { accounts }: Services): void {
  routes.add(
    {
      access: 'operate',
      method: 'post',
      path: '/users',
      summary: 'Make a user',
      creates: true,
      request: { body: takes(userRequest) },
      responses: answers('the user', userShape, 201),
    },
    async (context) => {
      const { name, plan } = parsed(userRequest, await readJson(context.req.raw))
      return context.json(await accounts.createUser(name, { plan }), 201)
    },
  )

  routes.add(
    {
      access: 'operate',
      method: 'get',
      path: '/users',
      summary: 'All users by name, with those that were removed',
      request: { query: pageQuery },
      responses: answers('users', z.object({ users: z.array(userShape), cursor })),
    },
    async (context) => context.json(await accounts.users(parsed(pageQuery, context.req.query()))),
  )

  routes.add(
    {
      access: 'own',
      missing: 'UserNotFound',
      method: 'get',
      path: '/users/{user}',
      summary: 'One user',
      request: { params: userParams },
      responses: answers('the user', userShape),
    },
    async (context) => {
      const { user } = parsed(userParams, context.req.param())
      return context.json(await accounts.user(user))
    },
  )

  routes.add(
    {
      access: 'operate',
      missing: 'UserNotFound',
      method: 'delete',
      path: '/users/{user}',
      summary: 'Remove a user: the keys end, what belongs to the user stays',
      request: { params: userParams },
      responses: answers('the user as removed', userShape),
    },
    async (context) => {
      const { user } = parsed(userParams, context.req.param())
      return context.json(await accounts.removeUser(user))
    },
  )

  routes.add(
    {
      access: 'operate',
      missing: 'UserNotFound',
      method: 'put',
      path: '/users/{user}/plan',
      summary: 'Give a user another plan',
      request: { params: userParams, body: takes(planRequest) },
      responses: answers('the user', userShape),
    },
    async (context) => {
      const { user } = parsed(userParams, context.req.param())
      const { plan } = parsed(planRequest, await readJson(context.req.raw))
      return context.json(await accounts.setPlan(user, plan))
    },
  )

  keyRoutes(routes, accounts)
}

function keyRoutes(routes: Routes, accounts: Accounts): void {
  routes.add(
    {
      access: 'own',
      missing: 'UserNotFound',
      method: 'post',
      path: '/users/{user}/keys',
      summary: 'Make a key, which is told in this answer alone',
      creates: true,
      kept: (answer) => ({ ...answer, key: null }),
      request: { params: userParams, body: takes(keyRequest) },
      responses: answers('the key', madeKeyShape, 201),
    },
    async (context) => {
      const { user } = parsed(userParams, context.req.param())
      const { role, label } = parsed(keyRequest, await readJson(context.req.raw))
      const made = await accounts.createKey(user, { role, label })
      return context.json(made, 201, { 'cache-control': 'no-store' })
    },
  )

  routes.add(
    {
      access: 'own',
      missing: 'UserNotFound',
      method: 'get',
      path: '/users/{user}/keys',
      summary: "A user's keys, the newest first, with those that were revoked",
      request: { params: userParams, query: pageQuery },
      responses: answers('keys', z.object({ keys: z.array(keyShape), cursor })),
    },
    async (context) => {
      const { user } = parsed(userParams, context.req.param())
      return context.json(await accounts.keys(user, parsed(pageQuery, context.req.query())))
    },
  )

  routes.add(
    {
      access: 'own',
      missing: 'UserNotFound',
      method: 'delete',
      path: '/users/{user}/keys/{keyId}',
      summary: 'Revoke a key',
      request: { params: keyParams },
      responses: answers('the key as revoked', keyShape),
    },
    async (context) => {
      const { user, keyId } = parsed(keyParams, context.req.param())
      return context.json(await accounts.revokeKey(user, keyId))
    },
  )
}

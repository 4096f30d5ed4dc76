import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { npyToMatrix, readNpy, seededRandom, writeNpy, type Matrix } from '../../ml/data/index.ts'
import { median } from '../median.ts'

/** What the benches of kernel machines and of logistic regression share: data and peers. */
const run = promisify(execFile)
const sklearnScript = fileURLToPath(new URL('kernels_sklearn.py', import.meta.url))
const oneThread = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }

/** What the command of each takes. */
export const benchOptions = {
  python: { type: 'string', default: 'python3' },
  rounds: { type: 'string', default: '5' },
  child: { type: 'boolean', default: false },
} as const

export interface Problem {
  readonly X: Matrix
  readonly y: Float64Array
  readonly heldOut: Matrix
  readonly heldOutTargets: Float64Array
}

/**
 * Two classes of 20 standardised columns: four clouds each in 10 of them, 5 that mix those, 5 of
 * noise; 1% of the targets are turned. A third as many rows again are held out.
 */
export async function writeSynthetic(folder: string, rows: number): Promise<void> {
  const random = seededRandom(rows)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const numbers = (count: number, of: () => number) => Array.from({ length: count }, of)
  const clouds = numbers(8, () => 0).map(() => numbers(10, () => (random() < 0.5 ? -0.9 : 0.9)))
  const mixing = numbers(5, () => 0).map(() => numbers(10, () => random() * 2 - 1))
  const rowOf = (cloud: readonly number[]) => {
    const informative = cloud.map((centre) => centre + normal())
    const mixed = mixing.map((weights) =>
      weights.reduce((sum, w, j) => sum + w * informative[j]!, 0),
    )
    return [...informative, ...mixed.map((value) => value / 2), ...numbers(5, normal)]
  }
  await mkdir(folder, { recursive: true })
  for (const [part, count] of [
    ['tr', rows],
    ['te', Math.round(rows / 3)],
  ] as const) {
    const data = new Float64Array(count * 20)
    const y = new Float64Array(count)
    for (let i = 0; i < count; i++) {
      const cloud = Math.floor(random() * 8)
      data.set(rowOf(clouds[cloud]!), i * 20)
      y[i] = (cloud % 2 === 0) === random() < 0.99 ? 1 : 0
    }
    await writeFile(join(folder, `X${part}.npy`), writeNpy({ shape: [count, 20], data }))
    await writeFile(join(folder, `y${part}.npy`), writeNpy({ shape: [count], data: y }))
  }
}

export async function writeDigits(folder: string, python: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await sklearn(python, ['digits', folder])
}

export async function readProblem(folder: string): Promise<Problem> {
  const array = (name: string) => readNpy(join(folder, `${name}.npy`))
  return {
    X: npyToMatrix(await array('Xtr')),
    y: (await array('ytr')).data as Float64Array,
    heldOut: npyToMatrix(await array('Xte')),
    heldOutTargets: (await array('yte')).data as Float64Array,
  }
}

/** What the peer prints. */
export async function sklearn(python: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, ...oneThread }
  const { stdout } = await run(python, [sklearnScript, ...args], { env, maxBuffer: 2 ** 26 })
  return stdout
}

/** What this bench itself prints in a process of its own. */
export async function ours(script: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [script, '--child', ...args], {
    maxBuffer: 2 ** 26,
  })
  return stdout
}

/** CPU milliseconds of `fits` calls, their median and the first, and what the last one made. */
export function timed<T>(fits: number, fit: () => T): { cpu: number; first: number; made: T } {
  const times: number[] = []
  let made: T | undefined
  for (let k = 0; k < fits; k++) {
    const start = process.cpuUsage()
    made = fit()
    const { user, system } = process.cpuUsage(start)
    times.push((user + system) / 1000)
  }
  return { cpu: median(times), first: times[0]!, made: made! }
}

export function emit(measure: string, peer: string, value: number, unit: string): void {
  console.log(JSON.stringify({ measure, peer, value: Number(value.toPrecision(6)), unit }))
}

export function differences(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).filter((value, i) => value !== b[i]).length
}

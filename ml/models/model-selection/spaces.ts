import { permutation, type Random } from '../../data/random.ts'
import { ModelError } from '../errors.ts'
import { refuseUnknownOptions, type OptionValue, type Parameters } from '../options.ts'

/** The values to try of each parameter: all combinations. */
export type ParameterGrid = Readonly<Record<string, readonly OptionValue[]>>

/** What to draw each parameter from: a list, or a range, evenly or evenly by its logarithm. */
export type ParameterSpace = Readonly<Record<string, readonly OptionValue[] | ParameterRange>>

export interface ParameterRange {
  readonly from: number
  readonly to: number
  /** Default 'linear'. */
  readonly scale?: 'linear' | 'log'
  /** Whole numbers alone, the ends among them, which are whole then. */
  readonly integer?: boolean
}

/** One value of each of the grid's lists. */
export type FromGrid<Grid extends ParameterGrid> = {
  readonly [Name in keyof Grid]: Grid[Name][number]
}

/** One value of each of the space's lists and ranges. */
export type FromSpace<Space extends ParameterSpace> = {
  readonly [Name in keyof Space]: Space[Name] extends readonly (infer Value extends OptionValue)[]
    ? Value
    : Space[Name] extends ParameterRange
      ? number
      : OptionValue
}

/** Beyond so many combinations of lists they are drawn, and not put in order first. */
const mostListed = 100_000

/** Names in alphabetical order, the last one's values changing first. Throws OptionInvalid. */
export function combinationsOf<Grid extends ParameterGrid>(grid: Grid): FromGrid<Grid>[] {
  let combinations: Parameters[] = [{}]
  for (const name of Object.keys(grid).sort()) {
    const values = listOf(name, grid[name]!)
    combinations = combinations.flatMap((before) =>
      values.map((value) => ({ ...before, [name]: value })),
    )
  }
  return combinations as FromGrid<Grid>[]
}

/** So many draws; of lists alone none twice, and so fewer where there are no more. */
export function drawsOf<Space extends ParameterSpace>(
  space: Space,
  trials: number,
  random: Random,
): FromSpace<Space>[] {
  const names = Object.keys(space).sort()
  for (const name of names) checkSource(name, space[name]!)
  const draws = names.every((name) => isList(space[name]!))
    ? distinctDraws(space as ParameterGrid, trials, random)
    : Array.from({ length: trials }, () =>
        Object.fromEntries(names.map((name) => [name, drawFrom(space[name]!, random)])),
      )
  return draws as FromSpace<Space>[]
}

function distinctDraws(grid: ParameterGrid, trials: number, random: Random): Parameters[] {
  const names = Object.keys(grid).sort()
  const count = names.reduce((product, name) => product * grid[name]!.length, 1)
  if (count <= Math.max(mostListed, 2 * trials)) {
    const drawn = permutation(count, random).subarray(0, trials)
    return Array.from(drawn, (number) => combinationAt(grid, names, number))
  }
  // Less than half of them are asked for: a draw is seldom one that was there before.
  const drawn = new Map<string, Parameters>()
  while (drawn.size < trials) {
    const places = names.map((name) => Math.floor(random() * grid[name]!.length))
    const values = names.map((name, k) => [name, grid[name]![places[k]!]!] as const)
    drawn.set(places.join(), Object.fromEntries(values))
  }
  return [...drawn.values()]
}

/** What stands at this place in the order of `combinationsOf`. */
function combinationAt(grid: ParameterGrid, names: readonly string[], number: number): Parameters {
  let rest = number
  const values = names.toReversed().map((name) => {
    const list = grid[name]!
    const value = list[rest % list.length]!
    rest = Math.floor(rest / list.length)
    return [name, value] as const
  })
  return Object.fromEntries(values.reverse())
}

function drawFrom(source: readonly OptionValue[] | ParameterRange, random: Random): OptionValue {
  if (isList(source)) return source[Math.floor(random() * source.length)]!
  const { from, to, scale = 'linear', integer = false } = source
  const share = random()
  const reach = to + (integer ? 1 : 0)
  const value =
    scale === 'log'
      ? from * Math.exp(share * Math.log(reach / from))
      : from + share * (reach - from)
  return integer ? Math.min(to, Math.floor(value)) : Math.min(to, value)
}

/** Throws OptionInvalid for a list without a value, and for a range that there is not. */
function checkSource(name: string, source: readonly OptionValue[] | ParameterRange): void {
  if (isList(source)) {
    listOf(name, source)
    return
  }
  refuseUnknownOptions(`the space of ${name}`, ['from', 'to', 'scale', 'integer'], source)
  const { from, to, scale = 'linear', integer = false } = source
  const isScale = scale === 'linear' || (scale === 'log' && from > 0)
  const areWhole = !integer || (Number.isInteger(from) && Number.isInteger(to))
  if (isScale && areWhole && from <= to && Number.isFinite(to - from)) return
  const kind = integer ? `, whole numbers` : ''
  throw new ModelError('OptionInvalid', `the space of ${name} is ${from} to ${to}, ${scale}${kind}`)
}

function listOf(name: string, values: readonly OptionValue[]): readonly OptionValue[] {
  if (isList(values) && values.length > 0) return values
  throw new ModelError('OptionInvalid', `there is no value of ${name} to try`)
}

function isList(source: readonly OptionValue[] | ParameterRange): source is readonly OptionValue[] {
  return Array.isArray(source)
}

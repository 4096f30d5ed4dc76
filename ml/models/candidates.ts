import type { LearningTask } from './pipeline/tasks.ts'
import type { LearningSize } from './size-limits.ts'
import { trainerNamed } from './trainers.ts'

export interface Candidates {
  /** Trainers to race, the floor last. */
  readonly names: readonly string[]
  /** Trainers left out, why, and which of `names` stands in. */
  readonly leftOut: readonly { name: string; reason: string; instead: string }[]
}

interface Usual {
  readonly name: string
  /** The fewest and the most rows for which it is raced when nobody asks for it. */
  readonly from?: number
  readonly to?: number
  /** The most classes, where each costs as much as all that others learn. */
  readonly toClasses?: number
}

/** What is raced when nothing is asked for; those that cannot learn from so many rows are left out. */
const usual: Readonly<Record<LearningTask, readonly Usual[]>> = {
  classification: [
    { name: 'svc' },
    { name: 'logistic-regression' },
    { name: 'gradient-boosting', from: 200, toClasses: 16 },
  ],
  regression: [
    { name: 'ridge' },
    { name: 'random-forest', to: 1999 },
    { name: 'gradient-boosting', from: 200 },
  ],
  clustering: [{ name: 'k-means' }],
}

/** What a model must beat to have learned anything; a clustering has no such floor. */
const floors: Readonly<Record<LearningTask, string | null>> = {
  classification: 'majority',
  regression: 'mean',
  clustering: null,
}

/** What stands in for an algorithm that is left out: the first of these in the race. */
const standIns = ['gradient-boosting', 'random-forest', 'logistic-regression', 'ridge']

/** Which trainers to race on data of this size when none is asked for; as `fittingCandidates`. */
export function defaultCandidates(
  rows: number,
  cols: number,
  task: LearningTask = 'classification',
  classes = 2,
  encodedCols = cols,
): Candidates {
  const bySize = usual[task].filter(({ from = 0, to = Infinity }) => rows >= from && rows <= to)
  const isTooMuch = ({ toClasses = Infinity }: Usual) => classes > toClasses
  const { names, leftOut } = fittingCandidates(
    bySize.filter((one) => !isTooMuch(one)).map(({ name }) => name),
    rows,
    cols,
    task,
    classes,
    encodedCols,
  )
  const slow = bySize.filter(isTooMuch).map(({ name, toClasses }) => {
    const reason = `${name} is raced on ${classes} classes only when it is asked for, unasked on ${toClasses}`
    return { name, reason, instead: standInOf(names, task) }
  })
  return { names, leftOut: [...leftOut, ...slow] }
}

/**
 * Those of `asked` that learn from data of this size in a useful time and memory, and the floor; none
 * where nothing of what was asked for does. Throws OptionInvalid for a name that is none of the
 * task's.
 *
 * @param classes different targets of a classification
 * @param encodedCols columns once each category has its own, for those who take no categories
 */
export function fittingCandidates(
  asked: readonly string[],
  rows: number,
  cols: number,
  task: LearningTask = 'classification',
  classes = 2,
  encodedCols = cols,
): Candidates {
  const known = task === 'classification' ? classes : 1
  const reasons = new Map(
    asked.map((name) => {
      const size = { rows, cols: takesCategories(name, task) ? cols : encodedCols, classes: known }
      return [name, reasonAgainst(name, task, size)]
    }),
  )
  const names = [...reasons.keys()].filter((name) => reasons.get(name) === undefined)
  const leftOut = [...reasons].flatMap(([name, reason]) =>
    reason === undefined ? [] : [{ name, reason, instead: standInOf(names, task) }],
  )
  const floor = floors[task]
  const isFloorMissing = floor !== null && names.length > 0 && !names.includes(floor)
  return { names: isFloorMissing ? [...names, floor] : names, leftOut }
}

function takesCategories(name: string, task: LearningTask): boolean {
  return 'categoricalFeatures' in trainerNamed(name, task).options
}

/** Why a trainer cannot learn from data of this size, if it cannot. */
function reasonAgainst(name: string, task: LearningTask, size: LearningSize): string | undefined {
  const { rowCap, limits } = trainerNamed(name, task)
  if (size.rows > rowCap) {
    return `${size.rows} × ${size.cols} is over the ${rowCap} rows that ${name} learns from`
  }
  const reason = limits.map((limit) => limit(size)).find((found) => found !== undefined)
  return reason === undefined ? undefined : `${name}: ${reason}`
}

function standInOf(names: readonly string[], task: LearningTask): string {
  const preferred = standIns.find((name) => names.includes(name))
  return preferred ?? names.find((name) => name !== floors[task]) ?? names[0] ?? 'nothing'
}

import { choiceType } from './choice.ts'
import { failType } from './fail.ts'
import { mapType } from './map.ts'
import { parallelType } from './parallel.ts'
import { passType } from './pass.ts'
import { succeedType } from './succeed.ts'
import { taskType } from './task.ts'
import { waitType } from './wait.ts'

/** The state types of the language. */
export const stateTypes = {
  Task: taskType,
  Pass: passType,
  Choice: choiceType,
  Wait: waitType,
  Succeed: succeedType,
  Fail: failType,
  Parallel: parallelType,
  Map: mapType,
}

export type StateTypes = typeof stateTypes

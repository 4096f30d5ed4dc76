import { expect, it } from 'vitest'
import { seededRandom } from '../../ml/data/random.ts'
import { countCommits, killAndResume } from './kill.ts'

it('a process killed at a commit is followed by one that goes on', () => {
  const commits = countCommits()
  expect(commits).toBeGreaterThan(30)
  const random = seededRandom(20)
  killAndResume(2 + Math.floor(random() * (commits - 2)), 'before')
  killAndResume(2 + Math.floor(random() * (commits - 2)), 'after')
})

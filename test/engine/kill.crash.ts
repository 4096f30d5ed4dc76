import { expect, it } from 'vitest'
import { countCommits, killAndResume } from './kill.ts'

it('a process killed at any commit is followed by one that goes on', () => {
  const commits = countCommits()
  expect(commits).toBeGreaterThan(30)
  for (let at = 2; at <= commits; at++) {
    killAndResume(at, 'before')
    killAndResume(at, 'after')
  }
})

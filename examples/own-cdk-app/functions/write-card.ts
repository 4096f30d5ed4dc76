import { taskFunction } from 'millrace/aws'
import { writeCard } from '../write-card.ts'

export const handler = taskFunction(writeCard)

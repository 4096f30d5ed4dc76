// Run before each file of tests; what it imports is run once for all files of a worker.
import './equal-arrays.ts'

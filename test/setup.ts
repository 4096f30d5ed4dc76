// Run before each file of tests; what it imports is run once for all files of a worker.
import './entry-points.ts'
import './equal-arrays.ts'

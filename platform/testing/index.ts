export * from './events.ts'
export { memoryPorts, type MemoryPorts, type MemoryPortsOptions } from './memory-ports.ts'
export {
  runTask,
  runWorkflow,
  type MockedTask,
  type RunWorkflowOptions,
  type WorkflowRun,
} from './run-workflow.ts'

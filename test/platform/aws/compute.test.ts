import { InPlaceCompute } from '../../../platform/aws/compute.ts'
import { computeContract } from '../../contracts/compute.ts'

computeContract('in place', async () => ({
  compute: new InPlaceCompute(),
  close: async () => undefined,
}))

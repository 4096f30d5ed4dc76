import { App } from 'aws-cdk-lib'
import { OwnStack } from './stack.ts'

// cdk deploy --app 'node app.ts'
const app = new App()
new OwnStack(app, 'Own')
app.synth()

import { millraceApp } from './millrace-stack.ts'

millraceApp().synth()

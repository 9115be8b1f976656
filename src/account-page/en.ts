import { start } from './start.js'
import { en } from './texts/en.js'

start(en)

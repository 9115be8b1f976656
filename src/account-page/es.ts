import { start } from './start.js'
import { es } from './texts/es.js'

start(es)
